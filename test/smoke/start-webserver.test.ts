import { request } from 'node:https';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startSmokeWebserver } from '../../src/smoke/start-webserver.ts';
import type { SmokeWebserver } from '../../src/smoke/webserver.ts';

let webserver: SmokeWebserver;
beforeAll(async () => {
  webserver = await startSmokeWebserver();
});
afterAll(() => webserver[Symbol.asyncDispose]());

/** A handshake as a host does it, trusting nobody but the run's own authority. */
const shake = (instanceId: string): Promise<number> => {
  const identity = { instanceId, instanceType: 't3.large', region: 'us-west-2', imageId: 'ami-1' };
  const body = JSON.stringify({
    version: 1,
    ...identity,
    identityDocument: JSON.stringify(identity),
    identitySignature: 'c2lnbmF0dXJl',
  });
  return new Promise((resolve, reject) => {
    request(
      {
        host: '127.0.0.1',
        port: webserver.port,
        path: '/host_service/auth',
        method: 'POST',
        ca: webserver.caPem,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      },
      (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.statusCode ?? 0));
      },
    )
      .on('error', reject)
      .end(body);
  });
};

test('an instance that nobody decided on is told to ask again, and granted nothing', async () => {
  expect(await shake('i-undecided')).toBe(503);
  expect(webserver.denials('i-undecided')).toBe(0);
});

test('each instance is told what was decided for it, and may be told otherwise', async () => {
  webserver.decide('i-1', 'deny');
  webserver.decide('i-2', 'grant');
  expect(await shake('i-1')).toBe(403);
  expect(await shake('i-2')).toBe(200);
  expect(webserver.denials('i-1')).toBe(1);
  webserver.decide('i-1', 'grant');
  expect(await shake('i-1')).toBe(200);
  expect(webserver.denials('i-1')).toBe(1);
});
