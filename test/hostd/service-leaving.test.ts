import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { INSTANCE_ID } from '../fixtures/host-service.ts';
import { world, worldForEachTest } from './service-world.ts';

worldForEachTest();

const SPOT = '/latest/meta-data/spot/instance-action';
const REBALANCE = '/latest/meta-data/events/recommendations/rebalance';
const POWER_OFF = 'ecs-host-poweroff in 600 s (gate shut)';

function configure(change: object): Promise<void> {
  return writeFile(world.configFile, JSON.stringify({ ...world.config, powerOffSeconds: 600, ...change }));
}

describe('leaving', () => {
  test('a revocation stops the agent first, then everything; it is final', async () => {
    const service = world.start();
    await service.reach('serving');
    world.docker.tasks.add('task-1');
    world.happened.length = 0;
    await world.webserver().revoke(INSTANCE_ID, 'stolen');
    await service.reach('revoked');
    expect(world.happened).toEqual([
      'stop ecs.service (gate shut)',
      'stop docker.socket (gate shut)',
      'stop docker.service (gate shut)',
      'stop containerd.service (gate shut)',
    ]);
    expect(await world.isGateOpen()).toBe(false);
    service.askAgain();
    await service.reach('denied');
    await service.stop();
  });

  test('what this service has drained in ECS gets tasks again with its next life, and nothing else does', async () => {
    const first = world.start();
    await first.reach('serving');
    await first.stop();
    world.ecs.trouble = 'AccessDenied';
    const second = world.start();
    await vi.waitFor(() => expect(world.said('ECS sends no tasks to this host yet: AccessDenied')).toBe(1), {
      timeout: 5000,
    });
    expect(second.state.now().phase).toBe('agent');
    world.ecs.trouble = null;
    await second.reach('serving');
    expect(world.ecs.statuses).toEqual(['arn:one in us-west-2: DRAINING', 'arn:one in us-west-2: ACTIVE']);
    await second.stop();
    // The agent lost its state and registered anew: that one was never drained.
    world.ecs.arn = 'arn:two';
    const third = world.start();
    await third.reach('serving');
    expect(world.ecs.statuses.filter((line) => line.endsWith('ACTIVE'))).toHaveLength(1);
    await third.stop();
  });

  test('a host whose agent has not registered does not say that it serves; told to drain, it waits', async () => {
    world.ecs.isRegistered = false;
    const service = world.start();
    await service.reach('agent');
    await sleep(200);
    expect(service.state.now().phase).toBe('agent');
    await world.webserver().drain(INSTANCE_ID, 'maintenance');
    await service.reach('draining');
    world.ecs.isRegistered = true;
    await service.reach('drained');
    expect(world.ecs.statuses).toEqual(['arn:one in us-west-2: DRAINING']);
    await service.stop();
  });

  test('ECS is told although the guard has stopped the agent by then', async () => {
    const service = world.start();
    await service.reach('serving');
    world.running.delete('ecs.service');
    await world.webserver().drain(INSTANCE_ID, 'maintenance');
    await service.reach('drained');
    expect(world.ecs.statuses).toEqual(['arn:one in us-west-2: DRAINING']);
    await service.stop();
  });

  test('a drain waits for tasks until the limit', async () => {
    const service = world.start();
    await service.reach('serving');
    world.docker.tasks.add('task-1');
    await world.webserver().drain(INSTANCE_ID, 'maintenance');
    await service.reach('draining');
    await sleep(300);
    expect(world.running.has('ecs.service')).toBe(true);
    world.docker.tasks.clear();
    await service.reach('drained');
    expect(world.running.size).toBe(0);
    await service.stop();
  });

  test('a task that does not end is stopped at the limit, and that is said', async () => {
    const service = world.start();
    await service.reach('serving');
    world.docker.tasks.add('task-1');
    await service.stop();
    expect(world.said('1 tasks still run and had their time')).toBe(1);
    expect(service.told).toContain('extend');
    expect(world.running.size).toBe(0);
  });

  test.each([
    [SPOT, '{"action":"terminate"}', 'interruption notice', {}],
    [REBALANCE, '{}', 'rebalance notice', { rebalance: 'drain' }],
  ])('a notice of EC2 at %s drains', async (path, text, said, change) => {
    await configure(change);
    const service = world.start();
    await service.reach('serving');
    world.imds.answers.set(`GET ${path}`, text);
    await service.reach('drained');
    expect(world.ecs.statuses).toEqual(['arn:one in us-west-2: DRAINING']);
    expect(world.said(said)).toBeGreaterThan(0);
    world.imds.answers.delete(`GET ${path}`);
    await service.stop();
  });

  test('a rebalance recommendation is told once and ends nothing; an interruption after it does', async () => {
    const service = world.start();
    await service.reach('serving');
    world.imds.answers.set(`GET ${REBALANCE}`, '{}');
    await vi.waitFor(() => expect(service.state.now().isRebalanceRecommended).toBe(true), { timeout: 5000 });
    await sleep(200);
    expect(service.state.now().phase).toBe('serving');
    expect(world.said('EC2 recommends to rebalance')).toBe(1);
    world.imds.answers.set(`GET ${SPOT}`, '{"action":"terminate"}');
    await service.reach('drained');
    expect(world.said('interruption notice')).toBeGreaterThan(0);
    await service.stop();
  });

  test('a webserver that forgot the host is shaken hands with again, with everything running', async () => {
    const service = world.start();
    await service.reach('serving');
    await world.goAway();
    await vi.waitFor(() => expect(world.said('heartbeat:')).toBeGreaterThan(0), { timeout: 5000 });
    expect(await world.isGateOpen()).toBe(true);
    await world.comeBack();
    await vi.waitFor(() => expect(world.webserver().hosts.get(INSTANCE_ID)).not.toBeNull(), { timeout: 5000 });
    expect(world.happened.filter((line) => line.startsWith('start'))).toHaveLength(3);
    expect(service.state.now().phase).toBe('serving');
    await service.stop();
  });
});

describe('an order holds', () => {
  test.for(['drain', 'revoke'] as const)('across a death of the service, without asking anybody: %s', async (verb) => {
    const first = world.start();
    await first.reach('serving');
    world.docker.tasks.add('task-1');
    await world.webserver()[verb](INSTANCE_ID, 'told so');
    await first.reach('draining');
    // Whatever the webserver would say now.
    await world.goAway();
    await first.stop();
    world.docker.tasks.clear();
    const second = world.start();
    await second.reach(verb === 'drain' ? 'drained' : 'revoked');
    expect(second.state.now().handshakeAttempts).toBe(0);
    expect(await world.isGateOpen()).toBe(false);
    await world.comeBack();
    // An operator takes it back.
    second.askAgain();
    await second.reach('serving');
    await second.stop();
  });

  test('until it is taken back, also while the host still drains', async () => {
    const service = world.start();
    await service.reach('serving');
    world.docker.tasks.add('task-1');
    await world.webserver().drain(INSTANCE_ID, 'maintenance');
    await service.reach('draining');
    world.webserver().serve(INSTANCE_ID);
    service.askAgain();
    await sleep(100);
    expect(service.state.now().phase).toBe('draining');
    world.docker.tasks.clear();
    await service.reach('serving');
    await service.stop();
  });

  test('also when the file of it is damaged', async () => {
    await writeFile(join(world.folder, 'order.json'), '{"verb":"dra');
    const service = world.start();
    await service.reach('drained');
    expect(world.happened).toEqual([]);
    await service.stop();
  });

  test('only for the instance that it was given to', async () => {
    const other = { verb: 'revoke', reason: 'stolen', instanceId: 'i-00000000000000002', sinceCs: 1 };
    await writeFile(join(world.folder, 'order.json'), JSON.stringify(other));
    const service = world.start();
    await service.reach('serving');
    await service.stop();
  });
});

describe('a host that was told a final no powers itself off', () => {
  test.each(['drain', 'revoke'] as const)('after its time: %s', async (verb) => {
    await configure({});
    const service = world.start();
    await service.reach('serving');
    await world.webserver()[verb](INSTANCE_ID, 'told so');
    await vi.waitFor(() => expect(world.countdowns).toEqual([POWER_OFF]), { timeout: 5000 });
    expect(service.state.now().status).toMatch(/asks again, else it powers off within 600 s$/);
    await service.stop();
  });

  test('counting on over the ends of its service, until a grant', async () => {
    await configure({});
    world.decide({ kind: 'deny', reason: 'unknown' });
    for (let lives = 0; lives < 3; lives += 1) {
      const service = world.start();
      await service.reach('denied');
      await sleep(50);
      await service.stop();
    }
    expect(world.countdowns).toEqual([POWER_OFF]);
    world.decide({ kind: 'grant' });
    const service = world.start();
    await service.reach('serving');
    expect(world.countdowns).toEqual([POWER_OFF, 'stop ecs-host-poweroff.timer (gate shut)']);
    await service.stop();
  });

  test('after an hour where nobody says; never where its configuration says so, also while it counts', async () => {
    world.decide({ kind: 'deny', reason: 'unknown' });
    const first = world.start();
    await first.reach('denied');
    await vi.waitFor(() => expect(world.countdowns).toEqual(['ecs-host-poweroff in 3600 s (gate shut)']));
    await first.stop();
    await configure({ powerOffSeconds: null });
    const second = world.start();
    await second.reach('denied');
    await vi.waitFor(() => expect(world.countdowns.at(-1)).toBe('stop ecs-host-poweroff.timer (gate shut)'));
    expect(second.state.now().status).toMatch(/asks again$/);
    await second.stop();
  });

  test('and not while it waits for a webserver that is away, or after a stop', async () => {
    await configure({});
    await world.goAway();
    const waiting = world.start();
    await vi.waitFor(() => expect(world.said('handshake:')).toBeGreaterThan(0), { timeout: 5000 });
    await waiting.stop();
    await world.comeBack();
    const serving = world.start();
    await serving.reach('serving');
    await serving.stop();
    expect(world.countdowns).toEqual([]);
  });
});
