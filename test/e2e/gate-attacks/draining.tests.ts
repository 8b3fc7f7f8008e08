import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { AGENT_DOWN, GATE_SHUT, NOW, nextLife, until } from '../attacker.ts';
import { COUNTED } from '../counted-containers.ts';
import { removeDropIn, setDropIn } from '../machine-edits.ts';
import {
  expectNoStart,
  expectShut,
  fault,
  host,
  serveAgain,
  setDrainSeconds,
  statusInEcs,
  TASK,
} from './attacked-host.ts';

/** The last task of a host that leaves: Docker stops the moment it is gone, perhaps before it has said so. */
function endTask(): Promise<unknown> {
  return host.try('docker rm --force task');
}

describe('with an hour for its tasks', () => {
  test('A9: `systemctl stop` waits for a task and nothing takes another; killed meanwhile, it stays so', async () => {
    await setDrainSeconds(3600);
    // Without asking for more, it would be killed after two seconds.
    await setDropIn(host, 'short', ['TimeoutStopSec=2s']);
    await expect.poll(statusInEcs, { timeout: 10_000 }).toBe('ACTIVE');
    await host.run(`docker run --detach --name task ${TASK} ${COUNTED} /bin/sleep 3600`);
    await host.run('sudo systemctl stop --no-block ecs-host');
    await until(host, GATE_SHUT);
    await expectNoStart();
    // The agent tells ECS of its tasks' ends, and is sent none.
    await expect.poll(statusInEcs, { timeout: 10_000 }).toBe('DRAINING');
    await sleep(3000);
    expect(await host.run('systemctl is-active ecs-host || true')).toBe('deactivating');
    expect(await host.run('docker inspect --format "{{.State.Running}}" task')).toBe('true');
    await host.run('sudo systemctl kill -s KILL ecs-host');
    await until(host, 'systemctl is-active ecs-host | grep -qE "^(inactive|failed)$"');
    await expectShut();
    await sleep(1000);
    await expectShut();
    await host.run('docker rm --force task >/dev/null');
    await removeDropIn(host, 'short');
    await host.run('sudo systemctl start ecs-host');
    await host.reach('serving');
    await expect.poll(statusInEcs, { timeout: 10_000 }).toBe('ACTIVE');
  });

  test('A10: a drain order outlives a crash, until an operator takes it back', async () => {
    await host.run(`docker run --detach --name task ${TASK} ${COUNTED} /bin/sleep 3600`);
    await host.webserver.drain(host.instanceId, 'maintenance');
    await host.reach('draining');
    await expect.poll(statusInEcs, { timeout: 10_000 }).toBe('DRAINING');
    await nextLife(host);
    await host.reach('draining');
    await expectShut();
    await endTask();
    await host.reach('drained');
    await expectShut();
    expect(await statusInEcs()).toBe('DRAINING');
    await serveAgain();
    await expect.poll(statusInEcs, { timeout: 10_000 }).toBe('ACTIVE');
  });

  test('A10: the webserver keeps the order, too: a host that lost its own note of it is not let in', async () => {
    await host.webserver.drain(host.instanceId, 'maintenance');
    await host.reach('drained');
    await host.run('sudo rm -f /run/ecs-host/order.json /var/lib/ecs-host/order.json');
    await nextLife(host);
    expect(await host.reach('denied')).toMatchObject({ status: expect.stringContaining('ordered to drain') });
    await serveAgain();
    await expect.poll(statusInEcs, { timeout: 10_000 }).toBe('ACTIVE');
  });

  test('A11: a revoked host stops its agent although ECS cannot be told', async () => {
    await host.run(`docker run --detach --name task ${TASK} ${COUNTED} /bin/sleep 3600`);
    await fault('UpdateContainerInstancesState');
    try {
      const fromCs = Number(await host.run(NOW));
      await host.webserver.revoke(host.instanceId, 'stolen');
      expect((await until(host, AGENT_DOWN)) - fromCs).toBeLessThan(300);
      await expectShut();
      expect(await host.run('docker inspect --format "{{.State.Running}}" task')).toBe('true');
      await endTask();
      await host.reach('revoked');
    } finally {
      await fault(null);
    }
    await serveAgain();
    await setDrainSeconds(5);
  });
});

describe('an order that is kept on the host', () => {
  const ORDERS = '/run/ecs-host/order.json /var/lib/ecs-host/order.json';
  const put = (path: string, text: string): Promise<string> =>
    host.run(`sudo tee ${path} >/dev/null <<'EOS'\n${text}\nEOS`);

  test.each(ORDERS.split(' '))('damaged, in %s: it counts as one, until an operator takes it back', async (path) => {
    await put(path, '{"verb":"dra');
    await nextLife(host);
    expect(await host.reach('drained')).toMatchObject({ status: expect.stringContaining('is damaged') });
    await expectShut();
    await serveAgain();
    expect((await host.try(`sudo ls ${path}`)).exitCode).not.toBe(0);
  });

  test('of another instance: it is none', async () => {
    await put(
      '/var/lib/ecs-host/order.json',
      JSON.stringify({ verb: 'revoke', reason: 'another', instanceId: 'i-00000000000000001', sinceCs: 1 }),
    );
    await nextLife(host);
    await host.reach('serving');
    await host.run('sudo rm /var/lib/ecs-host/order.json');
  });
});
