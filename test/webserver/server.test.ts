import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { TOKEN_LIFE_S } from '../../webserver/hosts.ts';
import { NONCE_LIFE_S } from '../../webserver/nonces.ts';
import { type Decision, startWebserver, type Webserver } from '../../webserver/server.ts';
import { openSqliteStore } from '../../webserver/sqlite-store.ts';
import { makeSelfSigned, type SelfSigned } from '../../webserver/tls.ts';
import {
  ACCOUNT_ID,
  createTestHost,
  type IdentityAuthority,
  IMAGE_ID,
  instanceIdOf,
  makeIdentityAuthority,
} from '../support/a-host.ts';

let tls: SelfSigned;
let authority: IdentityAuthority;
let server: Webserver;
let nowMs: number;
let decision: Decision;
let next = 0;
const newId = (): string => {
  next += 1;
  return instanceIdOf(next);
};

const start = (more: object = {}): Promise<Webserver> =>
  startWebserver({
    address: '127.0.0.1',
    port: 0,
    tls,
    policy: {
      certificateOf: (region) => (region === 'us-west-2' ? authority.certificate : null),
      accountIds: [ACCOUNT_ID],
      regions: ['us-west-2'],
      imageIds: [IMAGE_ID],
    },
    decide: () => decision,
    monotonic: () => nowMs,
    ...more,
  });

beforeAll(async () => {
  [tls, authority] = await Promise.all([makeSelfSigned('127.0.0.1'), makeIdentityAuthority()]);
  nowMs = 1_000_000;
  decision = { kind: 'grant' };
  server = await start();
});
beforeEach(() => {
  decision = { kind: 'grant' };
});
afterAll(() => server.close());

type Answer = { status: number; body: Record<string, unknown> };

const post = (path: string, body: unknown, token?: string, to: Webserver = server): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    const outgoing = request(
      { host: '127.0.0.1', port: to.port, path, method: 'POST', ca: tls.cert, agent: false, headers },
      (incoming) => {
        let text = '';
        incoming.on('data', (chunk) => {
          text += String(chunk);
        });
        incoming.on('end', () =>
          resolve({ status: incoming.statusCode ?? 0, body: JSON.parse(text) as Record<string, unknown> }),
        );
        incoming.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(typeof body === 'string' ? body : JSON.stringify(body));
  });

const challenge = async (instanceId: string, to?: Webserver): Promise<string> =>
  String((await post('/host_service/challenge', { version: 1, instanceId }, undefined, to)).body['nonce']);
type TestHost = ReturnType<typeof createTestHost>;
const shake = async (host: TestHost, changes: object = {}, to?: Webserver): Promise<Answer> =>
  post('/host_service/auth', host.handshake(await challenge(host.instanceId, to), changes), undefined, to);
const beat = (instanceId: string, token: unknown, isDyingHeartbeat = false, to?: Webserver): Promise<Answer> =>
  post(
    '/host_service/heartbeat',
    {
      version: 1,
      timestamp: new Date().toISOString(),
      heartbeatNumber: 0,
      instanceId,
      totalMemoryKiB: 2,
      freeMemoryKiB: 1,
      isDyingHeartbeat,
    },
    String(token),
    to,
  );

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

describe('whoever is not that host is refused', () => {
  test('a handshake that was recorded cannot be shown again', async () => {
    const host = createTestHost(authority, newId());
    const recorded = host.handshake(await challenge(host.instanceId));
    expect((await post('/host_service/auth', recorded)).status).toBe(200);
    expect(await post('/host_service/auth', recorded)).toMatchObject({ status: 400, body: { code: 'NONCE' } });
  });

  test('nor with the nonce of another host, a nonce of nobody, or an old one', async () => {
    const host = createTestHost(authority, newId());
    const foreign = await challenge(newId());
    expect(await post('/host_service/auth', host.handshake(foreign))).toMatchObject({ body: { code: 'NONCE' } });
    const made = host.handshake('A'.repeat(43));
    expect(await post('/host_service/auth', made)).toMatchObject({ body: { code: 'NONCE' } });
    const old = await challenge(host.instanceId);
    nowMs += NONCE_LIFE_S * 1000 + 1;
    expect(await post('/host_service/auth', host.handshake(old))).toMatchObject({ body: { code: 'NONCE' } });
  });

  test('a proof by another key, or over another control port, does not count', async () => {
    const host = createTestHost(authority, newId());
    const other = createTestHost(authority, host.instanceId);
    const nonce = await challenge(host.instanceId);
    const { proof } = other.handshake(nonce);
    expect(await post('/host_service/auth', host.handshake(nonce, { proof }))).toMatchObject({
      status: 400,
      body: { code: 'PROOF' },
    });
    const control = { port: 1, certificate: 'x', token: 'A'.repeat(43) };
    expect(await shake(host, { control })).toMatchObject({ status: 400, body: { code: 'PROOF' } });
  });

  test('a live instance id with another key is known already; the same host is let in again', async () => {
    const host = createTestHost(authority, newId());
    expect((await shake(host)).status).toBe(200);
    expect(await shake(createTestHost(authority, host.instanceId))).toMatchObject({
      status: 400,
      body: { code: 'INSTANCE_KNOWN' },
    });
    expect((await shake(host)).status).toBe(200);
    nowMs += TOKEN_LIFE_S * 1000 + 1;
    expect((await shake(createTestHost(authority, host.instanceId))).status).toBe(200);
  });

  test.for<[string, object, object, string]>([
    ['a document that was changed', {}, { identityDocument: '{}' }, 'PROOF'],
    ['a signature of somebody else', {}, { identitySignature: 'AAAA' }, 'denied: the signature'],
    ['another account', { accountId: '999999999999' }, {}, 'denied: its account'],
    ['another image', { imageId: 'ami-00000000000000009' }, { imageId: 'ami-00000000000000009' }, 'denied: its image'],
    ['another region', { region: 'us-east-1' }, { region: 'us-east-1' }, 'denied: no certificate'],
    ['a type that the document does not say', {}, { instanceType: 'p5.48xlarge' }, 'denied: instanceType'],
  ])('%s', async ([, document, changes, expected]) => {
    const answer = await shake(createTestHost(authority, newId(), document), changes);
    const said = answer.status === 403 ? `denied: ${String(answer.body['reason'])}` : String(answer.body['code']);
    expect(said).toContain(expected);
  });

  test.for<[string, unknown, number]>([
    ['not JSON', '{', 400],
    ['not an object', [], 400],
    ['another version', { version: 2, instanceId: instanceIdOf(1) }, 400],
    ['an unknown field', { version: 1, instanceId: instanceIdOf(1), extra: 1 }, 400],
    ['an id that is none', { version: 1, instanceId: '../etc' }, 400],
    ['too large', 'x'.repeat(100_000), 413],
  ])('a request that is %s', async ([, body, status]) => {
    expect(await post('/host_service/challenge', body)).toMatchObject({
      status,
      body: { version: 1, code: expect.any(String), reason: expect.any(String) },
    });
  });

  test('other paths, and heartbeats without a token', async () => {
    expect((await post('/host_service/other', {})).status).toBe(404);
    expect((await beat(newId(), 'x')).status).toBe(401);
  });
});

describe('what a webserver wants of its hosts', () => {
  test('a denial gives the reason, and nothing is kept', async () => {
    decision = { kind: 'deny', reason: 'not today' };
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

test('with a store hosts survive a restart of the webserver, and no secret is in the file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ecs-webserver-'));
  try {
    const file = join(folder, 'hosts.sqlite');
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
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
