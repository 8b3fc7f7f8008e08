import { request } from 'node:https';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Hosts, TOKEN_LIFE_S } from '../../webserver/hosts.ts';
import { startWebserver, type Webserver } from '../../webserver/server.ts';
import { makeSelfSigned, type SelfSigned } from '../../webserver/tls.ts';

let tls: SelfSigned;
let server: Webserver;
beforeAll(async () => {
  tls = await makeSelfSigned('127.0.0.1');
  server = await startWebserver({ address: '127.0.0.1', port: 0, tls, decide: () => ({ kind: 'grant' }) });
});
afterAll(() => server.close());

const post = (
  path: string,
  body: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Record<string, unknown> }> =>
  new Promise((resolve, reject) => {
    const outgoing = request(
      { host: '127.0.0.1', port: server.port, path, method: 'POST', ca: tls.cert, agent: false, headers },
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
    outgoing.end(body);
  });

const handshake = (instanceId: string, more: object = {}): string => {
  const identity = { instanceId, instanceType: 't3.large', region: 'us-west-2', imageId: 'ami-1' };
  return JSON.stringify({
    version: 1,
    ...identity,
    identityDocument: JSON.stringify(identity),
    identitySignature: 'x',
    ...more,
  });
};
const heartbeat = (instanceId: string, isDyingHeartbeat = false): string =>
  JSON.stringify({ version: 1, instanceId, isDyingHeartbeat });

test('a host is admitted once, renews its token with each heartbeat, and may come back after its last', async () => {
  const first = await post('/host_service/auth', handshake('i-1'));
  expect(first).toMatchObject({
    status: 200,
    body: { version: 1, authToken: expect.any(String), expiresInSeconds: TOKEN_LIFE_S },
  });
  expect((await post('/host_service/auth', handshake('i-1'))).status).toBe(400);
  const bearer = (token: unknown): Record<string, string> => ({ Authorization: `Bearer ${String(token)}` });
  const second = await post('/host_service/heartbeat', heartbeat('i-1'), bearer(first.body['authToken']));
  expect(second.status).toBe(200);
  expect((await post('/host_service/heartbeat', heartbeat('i-1'), bearer(first.body['authToken']))).status).toBe(401);
  expect((await post('/host_service/heartbeat', heartbeat('i-1', true), bearer(second.body['authToken']))).status).toBe(
    200,
  );
  expect((await post('/host_service/auth', handshake('i-1'))).status).toBe(200);
});

test.each([
  ['not JSON', '{', 400],
  ['not an object', '[]', 400],
  ['another version', handshake('i-2', { version: 2 }), 400],
  ['a field missing', handshake('i-2', { imageId: undefined }), 400],
  ['an id that the document does not have', handshake('i-2', { instanceId: 'i-3' }), 400],
  ['too large', handshake('i-2', { identitySignature: 'x'.repeat(100_000) }), 413],
])('a handshake that is %s is refused', async (_what, body, status) => {
  expect(await post('/host_service/auth', body)).toMatchObject({ status, body: { error: expect.any(String) } });
});

test('nothing else is served, and no heartbeat without a token', async () => {
  expect((await post('/host_service/other', '{}')).status).toBe(404);
  expect((await post('/host_service/heartbeat', heartbeat('i-9'))).status).toBe(401);
});

test('a silent host is forgotten when its token has run out', () => {
  let now = 0;
  const hosts = new Hosts(() => now);
  const token = hosts.admit('i-1');
  expect(hosts.isKnown('i-1')).toBe(true);
  now = TOKEN_LIFE_S * 1000 + 1;
  expect(hosts.isKnown('i-1')).toBe(false);
  expect(hosts.heartbeat('i-1', token)).toBeNull();
});
