import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openControl } from '../../hostd/control.ts';
import { makeCertificate } from '../../hostd/tls.ts';
import { TOKEN_LIFE_S } from '../../webserver/hosts.ts';
import { openSqliteStore } from '../../webserver/sqlite-store.ts';
import { makeSelfSigned } from '../../webserver/tls.ts';
import { createTestHost } from '../fixtures/host.ts';
import { tempFolder } from '../support/temp-folder.ts';
import {
  authority,
  beat,
  challenge,
  newId,
  post,
  server,
  serverForAllTests,
  settings,
  shake,
  start,
} from './tested-server.ts';

serverForAllTests();

test('a host is let in, renews its token with each heartbeat, and may come back after its last words', async () => {
  const host = createTestHost(authority, newId());
  const first = await shake(host);
  expect(first).toMatchObject({ status: 200, body: { version: 1, expiresInSeconds: TOKEN_LIFE_S } });
  const second = await beat(host.instanceId, first.body['authToken']);
  expect(second).toMatchObject({ status: 200, body: { command: 'serve' } });
  expect((await beat(host.instanceId, first.body['authToken'])).status).toBe(401);
  expect((await beat(host.instanceId, second.body['authToken'], true)).status).toBe(200);
  expect((await shake(createTestHost(authority, host.instanceId))).status).toBe(200);
});

describe('what a webserver wants of its hosts', () => {
  test('a denial gives the reason, and nothing is kept', async () => {
    settings.decision = { kind: 'deny', reason: 'not today' };
    const host = createTestHost(authority, newId());
    expect(await shake(host)).toMatchObject({ status: 403, body: { denied: true, reason: 'not today' } });
    expect(server.hosts.get(host.instanceId)).toBeNull();
  });

  test('drain comes with the next heartbeat', async () => {
    const host = createTestHost(authority, newId());
    const { body } = await shake(host);
    expect(await server.drain(host.instanceId, 'test')).toBe(true);
    expect(await beat(host.instanceId, body['authToken'])).toMatchObject({ status: 200, body: { command: 'drain' } });
    expect(await server.drain(newId(), 'test')).toBe(false);
  });

  test('a revoked host is told so, and not let in again', async () => {
    const host = createTestHost(authority, newId());
    const { body } = await shake(host);
    await server.revoke(host.instanceId, 'stolen');
    expect(await beat(host.instanceId, body['authToken'])).toMatchObject({
      status: 403,
      body: { revoked: true, reason: 'stolen' },
    });
    expect(await shake(host)).toMatchObject({ status: 403, body: { denied: true, reason: 'revoked: stolen' } });
    expect(server.trust(host.instanceId)).toBe(true);
    expect((await shake(host)).status).toBe(200);
  });

  test('an order holds over a crash and a goodbye, until an operator takes it back', async () => {
    const host = createTestHost(authority, newId());
    const { body } = await shake(host);
    await server.drain(host.instanceId, 'maintenance');
    const ordered = { status: 403, body: { denied: true, reason: 'ordered to drain: maintenance' } };
    expect(await shake(host)).toMatchObject(ordered);
    expect((await beat(host.instanceId, body['authToken'], true)).status).toBe(200);
    expect(await shake(host)).toMatchObject(ordered);
    expect(server.serve(host.instanceId)).toBe(false);
    expect((await shake(host)).status).toBe(200);
  });

  test('an instance that is not known can be revoked', async () => {
    const host = createTestHost(authority, newId());
    expect(await server.revoke(host.instanceId, 'lost\nin the mail')).toBe(false);
    expect(await shake(host)).toMatchObject({ status: 403, body: { reason: 'revoked: lost in the mail' } });
    expect(await server.revoke('../etc', 'x')).toBe(false);
    expect(server.hosts.orders.of('../etc').revoked).toBeNull();
  });

  test('a host that was forgotten may come with another key', async () => {
    const host = createTestHost(authority, newId());
    const { body } = await shake(host);
    expect(server.forget(host.instanceId)).toBe(true);
    expect((await beat(host.instanceId, body['authToken'])).status).toBe(401);
    expect((await shake(createTestHost(authority, host.instanceId))).status).toBe(200);
  });
});

test('an order that a control port does not take is told of, and comes with the heartbeat', async () => {
  const notices: string[] = [];
  const one = await start({ onNotice: (code: string, text: string) => notices.push(`${code} ${text}`) });
  const host = createTestHost(authority, newId());
  const { cert: certificate } = await makeSelfSigned('127.0.0.1');
  const control = { port: 1, certificate, token: 'A'.repeat(43) };
  const nonce = await challenge(host.instanceId, one);
  const { body } = await post('/host_service/auth', host.handshake(nonce, {}, control), undefined, one);
  expect(await one.drain(host.instanceId, 'x')).toBe(true);
  expect(notices).toHaveLength(1);
  expect(notices[0]).toMatch(`ORDER_NOT_PUSHED ${host.instanceId} hears drain with its next heartbeat: `);
  expect((await beat(host.instanceId, body['authToken'], false, one)).body).toMatchObject({ command: 'drain' });
  await one.close();
});

test('with a store hosts survive a restart of the webserver, and no secret is in the file', async () => {
  const file = join(tempFolder(), 'hosts.sqlite');
  const host = createTestHost(authority, newId());
  let store = openSqliteStore(file, () => undefined);
  let one = await start({ store });
  const { body } = await shake(host, {}, one);
  await one.close();
  store.close();
  expect((await readFile(file)).includes(String(body['authToken']))).toBe(false);
  store = openSqliteStore(file, () => undefined);
  one = await start({ store });
  expect((await beat(host.instanceId, body['authToken'], false, one)).status).toBe(200);
  expect(await shake(createTestHost(authority, host.instanceId), {}, one)).toMatchObject({
    body: { code: 'INSTANCE_KNOWN' },
  });
  await one.close();
  store.close();
});

test('one nonce lets one in, also when it is shown twice at once', async () => {
  const one = await start({});
  const host = createTestHost(authority, newId());
  const shown = host.handshake(await challenge(host.instanceId, one));
  const answers = await Promise.all([1, 2].map(() => post('/host_service/auth', shown, undefined, one)));
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 400]);
  await one.close();
});

test('a host that was forgotten is told of an order all the same', async () => {
  const orders: string[] = [];
  const hostTls = await makeCertificate('ecs-host');
  const onOrder = ({ verb }: { verb: string }): void => void orders.push(verb);
  await using control = await openControl({
    tls: hostTls,
    address: '127.0.0.1',
    port: 0,
    phase: () => 'serving',
    onOrder,
  });
  const one = await start({});
  const host = createTestHost(authority, newId());
  const nonce = await challenge(host.instanceId, one);
  await post('/host_service/auth', host.handshake(nonce, {}, control.port), undefined, one);
  expect(one.forget(host.instanceId)).toBe(true);
  expect(await one.revoke(host.instanceId, 'stolen')).toBe(false);
  expect(orders).toEqual(['revoke']);
  await one.close();
});
