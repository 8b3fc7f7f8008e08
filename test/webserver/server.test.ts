import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { openControl } from '../../hostd/control.ts';
import { makeCertificate } from '../../hostd/tls.ts';
import { confirmAddress, confirmOnce } from '../../webserver/confirm.ts';
import { type Host, type HostStore, TOKEN_LIFE_S } from '../../webserver/hosts.ts';
import { NONCE_LIFE_S } from '../../webserver/nonces.ts';
import { type Decision, startWebserver, type Webserver } from '../../webserver/server.ts';
import { openSqliteStore } from '../../webserver/sqlite-store.ts';
import type { Standing } from '../../webserver/standing-orders.ts';
import { makeSelfSigned, type SelfSigned } from '../../webserver/tls.ts';
import {
  ACCOUNT_ID,
  createTestHost,
  type IdentityAuthority,
  IMAGE_ID,
  instanceIdOf,
  makeIdentityAuthority,
} from '../support/a-host.ts';
import { tempFolder } from '../support/temp-folder.ts';

let tls: SelfSigned;
let authority: IdentityAuthority;
let server: Webserver;
let nowMs: number;
let decision: Decision;
let next = 0;
function newId(): string {
  next += 1;
  return instanceIdOf(next);
}

function start(more: object = {}): Promise<Webserver> {
  return startWebserver({
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
}

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

function post(path: string, body: unknown, token?: string, to: Webserver = server): Promise<Answer> {
  return new Promise((resolve, reject) => {
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
}

async function challenge(instanceId: string, to?: Webserver): Promise<string> {
  return String((await post('/host_service/challenge', { version: 1, instanceId }, undefined, to)).body['nonce']);
}
type TestHost = ReturnType<typeof createTestHost>;
async function shake(host: TestHost, changes: object = {}, to?: Webserver): Promise<Answer> {
  return post('/host_service/auth', host.handshake(await challenge(host.instanceId, to), changes), undefined, to);
}
function beat(instanceId: string, token: unknown, isDyingHeartbeat = false, to?: Webserver): Promise<Answer> {
  return post(
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
}

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

  test('nor twice at once', async () => {
    const host = createTestHost(authority, newId());
    const recorded = host.handshake(await challenge(host.instanceId));
    const answers = await Promise.all([1, 2, 3].map(() => post('/host_service/auth', recorded)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400]);
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
    const certificate = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    const control = { port: 1, certificate, token: 'A'.repeat(43) };
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

describe('strangers', () => {
  test('cannot use up nonces: after hundreds of questions a host still gets in', async () => {
    const some = Array.from({ length: 300 }, () => challenge(newId()));
    await Promise.all(some);
    expect((await shake(createTestHost(authority, newId()))).status).toBe(200);
  });

  test('that hold many connections and say nothing do not keep a host out', async () => {
    const one = await start({ limits: { connections: 20 } });
    const sockets = Array.from({ length: 50 }, () =>
      connect(one.port, '127.0.0.1')
        .on('error', () => undefined)
        .resume(),
    );
    const open = (): number => sockets.filter(({ closed }) => !closed).length;
    await vi.waitFor(() => expect(open()).toBe(20), { timeout: 4000 });
    expect((await shake(createTestHost(authority, newId()), {}, one)).status).toBe(200);
    for (const socket of sockets) socket.destroy();
    await one.close();
  });

  test.each(['', '\x16\x03\x01\x02\x00\x01'])('that say %j and no more are gone in time', async (said) => {
    const times = { handshakeTimeout: 100, headersTimeout: 100, requestTimeout: 100, connectionsCheckingInterval: 20 };
    const one = await start({ limits: { times } });
    const socket = connect(one.port, '127.0.0.1', () => socket.write(said)).resume();
    socket.on('error', () => undefined);
    await vi.waitFor(() => expect(socket.closed).toBe(true));
    await one.close();
  });

  test.each(['POST /host_ser', 'POST /host_service/auth HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{'])(
    'that send %j and no more are gone in time',
    async (said) => {
      const times = {
        handshakeTimeout: 900,
        headersTimeout: 100,
        requestTimeout: 100,
        connectionsCheckingInterval: 20,
      };
      const one = await start({ limits: { times } });
      const socket = connectTls({ port: one.port, host: '127.0.0.1', ca: tls.cert }, () => socket.write(said)).resume();
      socket.on('error', () => undefined);
      await vi.waitFor(() => expect(socket.closed).toBe(true));
      await one.close();
    },
  );

  test('who ask too often wait; handshakes that were verified cost nothing', async () => {
    let ms = 0;
    const refused: string[] = [];
    const one = await start({
      monotonic: () => ms,
      limits: { burst: 4, perSecond: 1 },
      onRefusal: (who: string, kind: string) => refused.push(`${who} ${kind}`),
    });
    for (let n = 0; n < 10; n += 1) expect((await shake(createTestHost(authority, newId()), {}, one)).status).toBe(200);
    const answers = [];
    for (let n = 0; n < 5; n += 1)
      answers.push((await post('/host_service/challenge', { version: 1, instanceId: newId() }, undefined, one)).status);
    expect(answers).toEqual([200, 200, 200, 200, 503]);
    expect(refused).toEqual(['127.0.0.1 BUSY']);
    ms += 2000;
    expect((await shake(createTestHost(authority, newId()), {}, one)).status).toBe(200);
    await one.close();
  });

  test('are told of, by their address; nothing that they wrote is an order to a terminal', async () => {
    const told: string[] = [];
    const one = await start({
      onRefusal: (who: string, kind: string, reason: string) => told.push(`${who} ${kind} ${reason}`),
    });
    const host = createTestHost(authority, newId());
    await post('/host_service/challenge', '{', undefined, one);
    await post('/host_service/challenge', 'x'.repeat(100_000), undefined, one);
    await post('/host_service/auth', host.handshake('A'.repeat(43)), undefined, one);
    await shake(host, { proof: `${'A'.repeat(86)}==` }, one);
    await beat(host.instanceId, 'x', false, one);
    await shake(createTestHost(authority, newId(), {}), { region: 'mars\u001b[2J' }, one);
    expect((await shake(host, {}, one)).status).toBe(200);
    await shake(createTestHost(authority, host.instanceId), {}, one);
    expect(told.map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
      '127.0.0.1 MALFORMED',
      '127.0.0.1 TOO_LARGE',
      '127.0.0.1 NONCE',
      '127.0.0.1 PROOF',
      '127.0.0.1 TOKEN',
      '127.0.0.1 MALFORMED',
      `${host.instanceId} INSTANCE_KNOWN`,
    ]);
    expect(told.join('')).not.toContain('\u001b');
    await one.close();
  });
});

describe('a no of the policy', () => {
  const policyOf = (imageIds: readonly string[]) => ({
    certificateOf: () => authority.certificate,
    accountIds: [ACCOUNT_ID],
    regions: ['us-west-2'],
    imageIds,
  });
  const createStore = (): HostStore => {
    const [all, standing] = [new Map<string, Host>(), new Map<string, Standing>()];
    return {
      load: () => [...all.values()],
      put: (host) => void all.set(host.instanceId, host),
      remove: (instanceId) => void all.delete(instanceId),
      loadStanding: () => [...standing.values()],
      putStanding: (one) => void standing.set(one.instanceId, one),
    };
  };
  /** A webserver that granted so many hosts, started again with a policy that has none of them. */
  const misconfigured = async (count: number) => {
    const clock = { ms: 0 };
    const notices: string[] = [];
    const store = createStore();
    const more = {
      store,
      limits: { burst: 4, perSecond: 1 },
      monotonic: () => clock.ms,
      onNotice: (code: string) => notices.push(code),
    };
    const before = await start(more);
    const fleet = Array.from({ length: count }, () => createTestHost(authority, newId()));
    for (const host of fleet) expect((await shake(host, {}, before)).status).toBe(200);
    await before.close();
    const now = await start({ ...more, policy: policyOf(['ami-00000000000000009']) });
    const ask = async (): Promise<number[]> => {
      const statuses: number[] = [];
      for (const host of fleet) statuses.push((await shake(host, {}, now)).status);
      return statuses;
    };
    return { clock, notices, fleet, now, ask };
  };

  test('waits for a moment before a host that was granted before hears it; a stranger hears it at once', async () => {
    const { clock, now, ask } = await misconfigured(2);
    expect(await ask()).toEqual([503, 503]);
    expect((await shake(createTestHost(authority, newId()), {}, now)).status).toBe(403);
    clock.ms += 30_000;
    expect(await ask()).toEqual([403, 403]);
    await now.close();
  });

  test('to many hosts is not said before an operator means it; an order is', async () => {
    const { clock, notices, fleet, now, ask } = await misconfigured(4);
    // However often they ask: it is no fault of theirs.
    for (let n = 0; n < 5; n += 1) expect(await ask()).toEqual([503, 503, 503, 503]);
    clock.ms += 60_000;
    await now.revoke(fleet[0]?.instanceId ?? '', 'stolen');
    expect(await ask()).toEqual([403, 503, 503, 503]);
    expect(notices).toEqual(['MASS_DENIAL']);
    now.resume();
    expect(await ask()).toEqual([403, 403, 403, 403]);
    await now.close();
  });
});

describe('a document that somebody else may have read', () => {
  test('is taken from the address that it names only', async () => {
    const one = await start({ confirm: confirmAddress });
    expect((await shake(createTestHost(authority, newId()), {}, one)).status).toBe(200);
    const stolen = createTestHost(authority, newId(), { privateIp: '10.0.0.9' });
    expect(await shake(stolen, {}, one)).toMatchObject({
      status: 403,
      body: { reason: 'it comes from 127.0.0.1, and its identity document names 10.0.0.9' },
    });
    await one.close();
  });

  test('is taken with the first key only, until an operator forgets it', async () => {
    const one = await start({ confirm: confirmOnce });
    const host = createTestHost(authority, newId());
    const { body } = await shake(host, {}, one);
    await beat(host.instanceId, body['authToken'], true, one);
    const other = createTestHost(authority, host.instanceId);
    expect(await shake(other, {}, one)).toMatchObject({ status: 403 });
    expect((await shake(host, {}, one)).status).toBe(200);
    one.forget(host.instanceId);
    expect((await shake(other, {}, one)).status).toBe(200);
    await one.close();
  });

  test('waits while it cannot be confirmed', async () => {
    const told: string[] = [];
    const one = await start({
      confirm: () => Promise.reject(new Error('not authorized: arn:aws:iam::1:role/web')),
      onRefusal: (_: string, __: string, reason: string) => told.push(reason),
    });
    // Why is nothing for whoever asks.
    expect(await shake(createTestHost(authority, newId()), {}, one)).toMatchObject({
      status: 503,
      body: { code: 'BUSY', reason: 'it cannot be confirmed now who this is' },
    });
    expect(told).toEqual(['it cannot be confirmed now who this is: not authorized: arn:aws:iam::1:role/web']);
    await one.close();
  });

  test('shown by two at once is taken from one', async () => {
    const both = Promise.withResolvers<void>();
    const one = await start({ confirm: confirmOnce, decide: () => both.promise.then(() => ({ kind: 'grant' })) });
    const id = newId();
    const asked = [createTestHost(authority, id), createTestHost(authority, id)].map((host) => shake(host, {}, one));
    await new Promise((resolve) => setTimeout(resolve, 200));
    both.resolve();
    expect((await Promise.all(asked)).map(({ status }) => status).sort()).toEqual([200, 400]);
    await one.close();
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
