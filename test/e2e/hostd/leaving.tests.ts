import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { containerInstances } from '../machine-edits.ts';
import { expectShut, host, lab } from './the-host.ts';

/** A spot interruption notice in the machine's metadata; null takes it back. */
async function interrupt(at: string | null): Promise<void> {
  const answer = await fetch(`${lab.endpoint}/_lab/interruptions`, {
    method: 'POST',
    body: JSON.stringify({ instanceId: host.instanceId, at }),
  });
  expect(answer.status).toBe(200);
}

describe('leaving', () => {
  test('the webserver drains the host: ECS knows, and everything is down', async () => {
    await expect.poll(() => containerInstances(host), { timeout: 20_000 }).toEqual(['ACTIVE']);
    expect(await host.webserver.drain(host.instanceId, 'maintenance')).toBe(true);
    await host.reach('drained');
    await expectShut();
    expect(await containerInstances(host)).toEqual(['DRAINING']);
    expect((await host.try('sudo systemctl start docker')).exitCode).not.toBe(0);
    expect(await host.run('sudo journalctl -u ecs-host --no-pager -o cat')).toContain('ECS sends no more tasks');
  });

  test('its order holds over a new life, until an operator takes it back', async () => {
    await host.run('sudo systemctl restart ecs-host');
    await host.reach('drained');
    await expectShut();
    await host.takeBack();
    await host.reach('serving');
    expect(await containerInstances(host)).toEqual(['ACTIVE']);
  });

  test('a notice of EC2 does the same', async () => {
    await interrupt(new Date(Date.now() + 120_000).toISOString());
    await host.reach('drained');
    await expectShut();
    expect(await host.run('systemctl show -p StatusText --value ecs-host')).toContain('interruption notice');
  });

  test('after a reboot the gate is shut again; a revocation in service shuts it for good', {
    timeout: 180_000,
  }, async () => {
    host.decide({ kind: 'error', status: 503 });
    await host.try('sudo systemctl reboot').catch(() => undefined);
    await sleep(3000);
    await host.reconnect();
    await host.reach('handshake', 90_000);
    await expectShut();
    await interrupt(null);
    host.decide({ kind: 'grant' });
    await host.reach('serving', 90_000);
    await host.webserver.revoke(host.instanceId, 'stolen');
    await host.reach('revoked');
    await expectShut();
    // Its next life asks nobody.
    await host.run('sudo systemctl restart ecs-host');
    await expect.poll(async () => (await host.state())?.reachedAtUs.handshake, { timeout: 10_000 }).toBeUndefined();
    await host.reach('revoked');
    await expectShut();
  });
});
