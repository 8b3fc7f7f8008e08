import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { shakeHands } from '../../../hostd/handshake.ts';
import { loadHostKey } from '../../../hostd/host-key.ts';
import { createLog } from '../../../hostd/log.ts';
import { createWebserverClient } from '../../../hostd/webserver-client.ts';
import { nextLife } from '../attacker.ts';
import { identityOf } from '../machine-edits.ts';
import { host, lab, serveAgain, UP } from './attacked-host.ts';

describe('A17: a stolen identity document', () => {
  /** Shakes hands with the host's document and a key of the thief's. */
  const steal = async (): Promise<string> => {
    const attempt = AbortSignal.timeout(3000);
    const outcome = await shakeHands({
      client: createWebserverClient(`https://127.0.0.1:${host.webserver.port}`, host.webserverCa, attempt),
      identity: await identityOf(host),
      environment: 'test',
      key: await loadHostKey(`${lab.stateFolder}/thief-${randomUUID()}.pem`),
      control: null,
      log: createLog(() => undefined),
      signal: attempt,
      onAttempt: async () => undefined,
    }).catch((error: Error) => ({ refused: error.message }));
    return 'token' in outcome ? 'granted' : 'not granted';
  };

  test('is no host while the host lives', async () => {
    expect(await steal()).toBe('not granted');
  });

  test('of a revoked host is none when the webserver has forgotten the host', async () => {
    await host.webserver.revoke(host.instanceId, 'stolen');
    await host.reach('revoked');
    host.webserver.hosts.forget(host.instanceId);
    expect(await steal()).toBe('not granted');
    // Nor is the host itself, without its own note of it.
    await host.run('sudo rm -f /run/ecs-host/order.json /var/lib/ecs-host/order.json');
    await nextLife(host);
    await host.reach('denied');
    await serveAgain();
    expect(await host.units()).toBe(UP);
  });
});

/** A question to the webserver, from an address of this machine. */
function ask(body: object, agent: Agent): Promise<number> {
  return new Promise((resolve) => {
    const text = JSON.stringify(body);
    request(
      {
        host: '127.0.0.1',
        port: host.webserver.port,
        path: '/host_service/challenge',
        method: 'POST',
        agent,
        rejectUnauthorized: false,
        headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) },
        signal: AbortSignal.timeout(5000),
      },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      },
    )
      .on('error', () => resolve(0))
      .end(text);
  });
}

test('A12: a stranger who takes nonces without end keeps nobody out', { timeout: 120_000 }, async () => {
  const stranger = new Agent({ keepAlive: true, maxSockets: 32, localAddress: '127.0.0.2' });
  const honest = new Agent({ localAddress: '127.0.0.1' });
  const endsAt = performance.now() + 8000;
  const flood = Array.from({ length: 32 }, async () => {
    while (performance.now() < endsAt) await ask({ version: 1, instanceId: 'i-0123456789abcdef0' }, stranger);
  });
  await sleep(6000);
  const answers: number[] = [];
  for (let i = 0; i < 5; i += 1) answers.push(await ask({ version: 1, instanceId: host.instanceId }, honest));
  await Promise.all(flood);
  stranger.destroy();
  expect(answers).toEqual(Array(5).fill(200));
  await nextLife(host);
  await host.reach('serving', 15_000);
});
