import { access, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { INSTANCE_ID } from '../fixtures/host-service.ts';
import { world, worldForEachTest } from './service-world.ts';

worldForEachTest();

test('does everything in its order, and takes it down in the other', async () => {
  const service = world.start();
  await service.reach('serving');
  expect(world.happened).toEqual([
    'asked: grant',
    'start docker.socket docker.service (gate open)',
    'start containerd.service (gate open)',
    'start ecs.service (gate wide open)',
  ]);
  const at = service.state.now();
  const order = [
    at.reachedAtUs.handshake,
    at.reachedAtUs.docker,
    at.eventsSubscribedAtUs,
    at.reachedAtUs.agent,
    at.reachedAtUs.serving,
  ];
  expect(order.toSorted((a, b) => (a ?? 0) - (b ?? 0))).toEqual(order);
  expect(world.webserver().hosts.get(INSTANCE_ID)).toMatchObject({ environment: 'test' });

  world.happened.length = 0;
  await service.stop();
  expect(world.happened).toEqual([
    'DRAINING (gate shut)',
    'stop ecs.service (gate shut)',
    'stop docker.socket (gate shut)',
    'stop docker.service (gate shut)',
    'stop containerd.service (gate shut)',
  ]);
  expect(world.webserver().hosts.list()).toEqual([]);
  expect(service.state.now()).toMatchObject({ phase: 'stopped', gate: 'shut' });
  expect(service.told).toEqual(['ready', 'extend', 'stopping']);
});

test('its token and its control token are written nowhere, and its key only where root reads it', async () => {
  const service = world.start();
  await service.reach('serving');
  const written = `${world.lines.join('')}${await readFile(join(world.folder, 'state.json'), 'utf8')}`;
  expect(written).not.toMatch(/[A-Za-z0-9_-]{40,}/);
  expect((await stat(join(world.folder, 'host-key.pem'))).mode & 0o777).toBe(0o600);
  await service.stop();
});

test('a new life stops an agent that an earlier one left, and does not touch running containers', async () => {
  for (const unit of ['docker.service', 'docker.socket', 'ecs.service']) world.running.add(unit);
  await writeFile(join(world.folder, 'gate-open'), '');
  world.decide({ kind: 'delay', delayMs: 300, afterwards: { kind: 'grant' } });
  const service = world.start();
  await service.reach('handshake');
  expect(world.happened).toContain('stop ecs.service (gate shut)');
  expect(world.running.has('docker.service')).toBe(true);
  await service.reach('serving');
  await service.stop();
});

test('a control port that is taken is said; orders come with the heartbeats', async () => {
  world.controlTrouble.push('listen EADDRINUSE');
  const service = world.start();
  await service.reach('serving');
  expect(world.said('control port cannot be opened')).toBe(1);
  await world.webserver().drain(INSTANCE_ID, 'maintenance');
  await service.reach('drained');
  await service.stop();
});

test.each([365, -365])('a clock that jumps by %i days changes nothing', async (days) => {
  const service = world.start();
  await service.reach('serving');
  const spoken = world.webserver().hosts.get(INSTANCE_ID)?.heartbeats ?? 0;
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + days * 86_400_000 });
  try {
    await world.witness('c1');
    world.docker.run('c1', 'base-1');
    const own = join(world.folder, 'containers', 'base-1');
    await vi.waitFor(() => access(join(own, '.ready')), { timeout: 10_000 });
    world.docker.end();
    await vi.waitFor(() => expect(world.docker.subscriptions).toHaveLength(2), { timeout: 10_000 });
    await vi.waitFor(() => expect(world.webserver().hosts.get(INSTANCE_ID)?.heartbeats ?? 0).toBeGreaterThan(spoken), {
      timeout: 10_000,
    });
    expect(service.state.now()).toMatchObject({ phase: 'serving', gate: 'open', containersSeen: 1 });
  } finally {
    vi.useRealTimers();
  }
  await service.stop();
});

test('a state file that cannot be written keeps nothing from going on', async () => {
  await mkdir(join(world.folder, 'state.json.partial'));
  const service = world.start();
  await service.reach('serving');
  await service.stop();
});

test('Docker that does not start is tried again', async () => {
  world.failing.set('docker.service', 1);
  const service = world.start();
  await vi.waitFor(() => expect(world.said('Docker does not start')).toBe(1), { timeout: 5000 });
  await service.reach('serving');
  await service.stop();
});

test('a Docker that systemd has given up on is started again, and its events are followed', async () => {
  const service = world.start();
  await service.reach('serving');
  world.crash('docker.service');
  await vi.waitFor(() => expect(world.said('docker.service has failed; starting it again')).toBe(1), { timeout: 5000 });
  await vi.waitFor(() => expect(world.said("Docker's events are followed")).toBe(2), { timeout: 5000 });
  await world.witness('a');
  await vi.waitFor(() => expect(service.state.now().containersSeen).toBe(1), { timeout: 10_000 });
  expect(service.state.now()).toMatchObject({ phase: 'serving', gate: 'open' });
  await service.stop();
});

test.each([
  ["brings the agent back that went with it, as Amazon's unit is PartOf its own", 'stopped'],
  ['brings one back that was slow to go', 'stopped slowly'],
  ['leaves an agent alone that gave up', 'gave up'],
])('a Docker that was restarted %s', async (_, how) => {
  const service = world.start();
  await service.reach('serving');
  if (how === 'gave up') world.crash('ecs.service');
  else if (how === 'stopped slowly') world.stopSlowly('ecs.service');
  else world.running.delete('ecs.service');
  world.docker.end();
  await vi.waitFor(() => expect(world.docker.subscriptions).toHaveLength(2), { timeout: 5000 });
  await sleep(200);
  expect(world.running.has('ecs.service')).toBe(how !== 'gave up');
  expect(world.said('Docker is back; starting the agent')).toBe(how === 'gave up' ? 0 : 1);
  await service.stop();
});

test('an agent that somebody stops while it registers is started again', async () => {
  world.ecs.isRegistered = false;
  const service = world.start();
  await vi.waitFor(() => expect(world.running.has('ecs.service')).toBe(true), { timeout: 5000 });
  world.running.delete('ecs.service');
  world.ecs.isRegistered = true;
  await vi.waitFor(() => expect(world.running.has('ecs.service')).toBe(true), { timeout: 10_000 });
  await service.reach('serving');
  await service.stop();
});

test('an agent that takes its time costs systemd two questions a second, and is found at once', async () => {
  world.ecs.isRegistered = false;
  const service = world.start();
  await service.reach('agent');
  world.asked.length = 0;
  const sinceMs = performance.now();
  await sleep(1300);
  const most = (performance.now() - sinceMs) / 500 + 1;
  expect(world.asked.filter((unit) => unit === 'ecs.service').length).toBeLessThanOrEqual(most);
  world.ecs.isRegistered = true;
  await service.reach('serving');
  await service.stop();
});

test('an agent that gave up is named once; whoever starts it again is enough', async () => {
  world.ecs.isRegistered = false;
  const service = world.start();
  await vi.waitFor(() => expect(world.running.has('ecs.service')).toBe(true), { timeout: 5000 });
  world.crash('ecs.service');
  await vi.waitFor(() => expect(world.said('ecs.service gave up')).toBe(1), { timeout: 10_000 });
  await sleep(200);
  expect(world.said('ecs.service gave up')).toBe(1);
  world.ecs.isRegistered = true;
  world.running.add('ecs.service');
  await service.reach('serving');
  await service.stop();
});

test('containers are made ready, each start is on the record, and what they had is taken back', async () => {
  const service = world.start();
  await service.reach('serving');
  for (const id of ['c1', 'c2', 'c3']) await world.witness(id);
  world.docker.run('c1', 'base-1', { ports: { '32262/tcp': 40_001 } });
  world.docker.run('c2', '../escape');
  world.docker.run('c3', 'none-of-ours');
  const own = join(world.folder, 'containers', 'base-1');
  await vi.waitFor(() => access(join(own, '.ready')), { timeout: 10_000 });
  await vi.waitFor(() => expect(service.state.now().containersSeen).toBe(3), { timeout: 10_000 });
  expect(await world.waiting()).toEqual([]);
  expect(JSON.parse(await readFile(join(own, 'ports.json'), 'utf8'))).toEqual({ '32262/tcp': 40_001 });
  expect(await readFile(join(own, 'tty'), 'utf8')).toBe('10\n');
  await expect(access(join(world.folder, 'escape'))).rejects.toThrow();
  world.docker.die('c1');
  await vi.waitFor(() => expect(access(join(own, '.ready'))).rejects.toThrow(), { timeout: 10_000 });
  await service.stop();

  const next = world.start();
  await next.reach('serving');
  expect(next.state.now().containersSeen).toBe(3);
  await next.stop();
});

test('a gate that somebody else opens is shut again', async () => {
  world.decide({ kind: 'deny', reason: 'no' });
  const service = world.start();
  await service.reach('denied');
  world.running.add('ecs.service');
  await writeFile(join(world.folder, 'gate-open'), '99999999999\n');
  await vi.waitFor(async () => expect(await world.isGateOpen()).toBe(false), { timeout: 5000 });
  await vi.waitFor(() => expect(world.running.has('ecs.service')).toBe(false), { timeout: 10_000 });
  expect(world.said('somebody else opened the gate')).toBe(1);
  await service.stop();
});

test('a Docker that is silent: no tasks, then it is killed; when it answers all goes on', async () => {
  const service = world.start();
  await service.reach('serving');
  world.docker.goAway();
  await service.reach('docker');
  expect(await world.isThere('agent-open')).toBe(false);
  await vi.waitFor(() => expect(world.running.has('ecs.service')).toBe(false), { timeout: 10_000 });
  expect(world.said('Docker is silent')).toBe(1);
  await vi.waitFor(() => expect(world.happened).toContain('kill docker.service'), { timeout: 5000 });
  world.docker.comeBack();
  await service.reach('serving');
  expect(await world.isThere('agent-open')).toBe(true);
  expect(world.running.has('ecs.service')).toBe(true);
  await service.stop();
});

test('starts that were written down while nobody looked are on the record in the next life, once', async () => {
  const first = world.start();
  await first.reach('serving');
  await world.witness('a');
  await vi.waitFor(() => expect(first.state.now().containersSeen).toBe(1), { timeout: 10_000 });
  await first.stop();
  await world.witness('b');
  await world.witness('a');
  const second = world.start();
  await second.reach('serving');
  await vi.waitFor(() => expect(second.state.now().containersSeen).toBe(3), { timeout: 10_000 });
  const lines = (await readFile(join(world.folder, 'starts', 'record.ndjson'), 'utf8')).trim().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { n: number }).n)).toEqual([1, 2, 3]);
  await second.stop();
});
