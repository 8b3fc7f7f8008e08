import { request } from 'node:https';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SmokeWebserver } from '../../src/smoke/webserver.ts';
import { startSmokeWebserver } from '../../src/smoke/webserver.ts';
import {
  createTestHost,
  type IdentityAuthority,
  IMAGE_ID,
  instanceIdOf,
  makeIdentityAuthority,
} from '../fixtures/host.ts';

let webserver: SmokeWebserver;
let authority: IdentityAuthority;
beforeAll(async () => {
  authority = await makeIdentityAuthority();
  webserver = await startSmokeWebserver({
    certificates: { certificateOf: () => authority.certificate, certificate2048Of: () => null },
    region: 'us-west-2',
    imageId: IMAGE_ID,
  });
});
afterAll(() => webserver[Symbol.asyncDispose]());

function post(path: string, body: object): Promise<{ status: number; body: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    request(
      { host: '127.0.0.1', port: webserver.port, path, method: 'POST', ca: webserver.caPem, agent: false },
      (answer) => {
        let text = '';
        answer.on('data', (chunk) => {
          text += String(chunk);
        });
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, body: JSON.parse(text) as Record<string, unknown> }),
        );
      },
    )
      .on('error', reject)
      .end(JSON.stringify(body));
  });
}

/** A handshake as a host does it, trusting nobody but the run's own authority. */
async function shake(host: ReturnType<typeof createTestHost>): Promise<number> {
  const { body } = await post('/host_service/challenge', { version: 1, instanceId: host.instanceId });
  return (await post('/host_service/auth', host.handshake(String(body['nonce'])))).status;
}

test('an instance that nobody decided on is told to ask again, and granted nothing', async () => {
  const host = createTestHost(authority, instanceIdOf(9));
  expect(await shake(host)).toBe(503);
  expect(webserver.denials(host.instanceId)).toBe(0);
});

test('each instance is told what was decided for it, and may be told otherwise', async () => {
  const [one, two] = [createTestHost(authority, instanceIdOf(1)), createTestHost(authority, instanceIdOf(2))];
  webserver.decide(one.instanceId, 'deny');
  webserver.decide(two.instanceId, 'grant');
  expect(await shake(one)).toBe(403);
  expect(await shake(two)).toBe(200);
  expect(webserver.denials(one.instanceId)).toBe(1);
  webserver.decide(one.instanceId, 'grant');
  expect(await shake(one)).toBe(200);
  expect(webserver.denials(one.instanceId)).toBe(1);
});
