import { access, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Decision } from '../../webserver/server.ts';
import { makeSelfSigned } from '../../webserver/tls.ts';
import { type IdentityAuthority, makeIdentityAuthority } from '../fixtures/host.ts';
import { createWorld, INSTANCE_ID, type World } from '../fixtures/host-service.ts';

let authority: IdentityAuthority;
let world: World;
beforeAll(async () => {
  authority = await makeIdentityAuthority();
});
beforeEach(async () => {
  world = await createWorld(authority);
});
afterEach(() => world[Symbol.asyncDispose]());

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

describe('the gate stays shut', () => {
  test('after a denial, until it is told to ask again', async () => {
    world.decide({ kind: 'deny', reason: 'not today' });
    const service = world.start();
    await service.reach('denied');
    await sleep(100);
    expect(world.happened).toEqual(['asked: deny']);
    expect(await world.isGateOpen()).toBe(false);
    expect(world.said('not today')).toBe(1);
    world.decide({ kind: 'grant' });
    service.askAgain();
    await service.reach('serving');
    await service.stop();
  });

  test.for<[string, Decision]>([
    ['HTTP 500', { kind: 'error', status: 500 }],
    ['torn JSON', { kind: 'nonsense', body: '{"version":1' }],
    ['a token of another type', { kind: 'nonsense', body: '{"version":1,"authToken":7}' }],
    ['a huge body', { kind: 'nonsense', body: `"${'x'.repeat(100_000)}"` }],
    ['a redirect', { kind: 'error', status: 302 }],
  ])('while the webserver answers %s; said once', async ([, trouble]) => {
    world.decide(trouble);
    const service = world.start();
    await vi.waitFor(() => expect(world.happened.length).toBeGreaterThan(1), { timeout: 10_000 });
    expect(await world.isGateOpen()).toBe(false);
    expect(world.said('asking again until it answers')).toBe(1);
    world.decide({ kind: 'grant' });
    await service.reach('serving');
    await service.stop();
  });

  test('while the webserver is away at boot, and it recovers by itself', async () => {
    await world.goAway();
    const service = world.start();
    await vi.waitFor(() => expect(service.state.now().handshakeAttempts).toBeGreaterThan(1), { timeout: 10_000 });
    expect(await world.isGateOpen()).toBe(false);
    await world.comeBack();
    await service.reach('serving');
    expect(world.said('ECONNREFUSED')).toBe(1);
    await service.stop();
  });

  test('while the webserver is too slow', async () => {
    world.decide({ kind: 'delay', delayMs: 1500, afterwards: { kind: 'grant' } });
    const service = world.start();
    await vi.waitFor(() => expect(service.state.now().handshakeAttempts).toBeGreaterThan(1), { timeout: 10_000 });
    expect(await world.isGateOpen()).toBe(false);
    expect(world.said('no answer within 1 s')).toBe(1);
    await service.stop();
  });

  test('while the answer breaks off in the middle', async () => {
    const tls = await makeSelfSigned('127.0.0.1');
    const torn = createTlsServer(tls, (_, response) => {
      response.writeHead(200, { 'Content-Length': '500' });
      response.write('{"version":1,');
      setTimeout(() => response.destroy(), 20);
    });
    await new Promise<void>((resolve) => torn.listen(0, '127.0.0.1', resolve));
    const { port } = torn.address() as AddressInfo;
    const config = { ...world.config, webserverUrl: `https://127.0.0.1:${port}`, webserverCa: tls.cert };
    await writeFile(world.configFile, JSON.stringify(config));
    const service = world.start();
    await vi.waitFor(() => expect(service.state.now().handshakeAttempts).toBeGreaterThan(1), { timeout: 10_000 });
    expect(await world.isGateOpen()).toBe(false);
    await service.stop();
    torn.closeAllConnections();
    torn.close();
  });

  test('before another authority', async () => {
    const stranger = await makeSelfSigned('127.0.0.1');
    await writeFile(world.configFile, JSON.stringify({ ...world.config, webserverCa: stranger.cert }));
    const service = world.start();
    await vi.waitFor(() => expect(world.said('certificate')).toBe(1), { timeout: 5000 });
    expect(world.happened).toEqual([]);
    expect(await world.isGateOpen()).toBe(false);
    await service.stop();
  });

  test('while the metadata service is late', async () => {
    const document = world.imds.answers.get('GET /latest/dynamic/instance-identity/document') ?? '';
    world.imds.answers.delete('GET /latest/dynamic/instance-identity/document');
    const service = world.start();
    await vi.waitFor(() => expect(world.said('metadata service does not answer')).toBe(1), { timeout: 5000 });
    expect(service.state.now().phase).toBe('network');
    expect(await world.isGateOpen()).toBe(false);
    world.imds.answers.set('GET /latest/dynamic/instance-identity/document', document);
    await service.reach('serving');
    await service.stop();
  });

  test('with a configuration that is wrong: said once, read again, no restart needed', async () => {
    const good = await readFile(world.configFile, 'utf8');
    await writeFile(world.configFile, good.replace('https://', 'http://'));
    const service = world.start();
    await vi.waitFor(() => expect(world.said('not https')).toBe(1), { timeout: 5000 });
    await sleep(600);
    expect(world.said('not https')).toBe(1);
    expect(world.happened).toEqual([]);
    await writeFile(world.configFile, good);
    await service.reach('serving');
    await service.stop();
  });
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
    await vi.waitFor(() => access(join(own, '.ready')));
    world.docker.end();
    await vi.waitFor(() => expect(world.docker.subscriptions).toHaveLength(2));
    await vi.waitFor(() => expect(world.webserver().hosts.get(INSTANCE_ID)?.heartbeats ?? 0).toBeGreaterThan(spoken));
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
  await vi.waitFor(() => expect(service.state.now().containersSeen).toBe(1));
  expect(service.state.now()).toMatchObject({ phase: 'serving', gate: 'open' });
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

test('an agent that gave up is named once; whoever starts it again is enough', async () => {
  world.ecs.isRegistered = false;
  const service = world.start();
  await vi.waitFor(() => expect(world.running.has('ecs.service')).toBe(true), { timeout: 5000 });
  world.crash('ecs.service');
  await vi.waitFor(() => expect(world.said('ecs.service gave up')).toBe(1));
  await sleep(200);
  expect(world.said('ecs.service gave up')).toBe(1);
  world.ecs.isRegistered = true;
  world.running.add('ecs.service');
  await service.reach('serving');
  await service.stop();
});

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

  test('a host whose agent has not registered does not say that it serves; told to drain, it waits for that', async () => {
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
    ['/latest/meta-data/spot/instance-action', '{"action":"terminate"}', 'interruption notice'],
    ['/latest/meta-data/events/recommendations/rebalance', '{}', 'rebalance notice'],
  ])('a notice of EC2 at %s drains', async (path, text, said) => {
    const service = world.start();
    await service.reach('serving');
    world.imds.answers.set(`GET ${path}`, text);
    await service.reach('drained');
    expect(world.ecs.statuses).toEqual(['arn:one in us-west-2: DRAINING']);
    expect(world.said(said)).toBeGreaterThan(0);
    world.imds.answers.delete(`GET ${path}`);
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

test('containers are made ready, each start is on the record, and what they had is taken back', async () => {
  const service = world.start();
  await service.reach('serving');
  for (const id of ['c1', 'c2', 'c3']) await world.witness(id);
  world.docker.run('c1', 'base-1', { ports: { '32262/tcp': 40_001 } });
  world.docker.run('c2', '../escape');
  world.docker.run('c3', 'none-of-ours');
  const own = join(world.folder, 'containers', 'base-1');
  await vi.waitFor(() => access(join(own, '.ready')));
  await vi.waitFor(() => expect(service.state.now().containersSeen).toBe(3));
  expect(await world.waiting()).toEqual([]);
  expect(JSON.parse(await readFile(join(own, 'ports.json'), 'utf8'))).toEqual({ '32262/tcp': 40_001 });
  expect(await readFile(join(own, 'tty'), 'utf8')).toBe('10\n');
  await expect(access(join(world.folder, 'escape'))).rejects.toThrow();
  world.docker.die('c1');
  await vi.waitFor(() => expect(access(join(own, '.ready'))).rejects.toThrow());
  await service.stop();

  const next = world.start();
  await next.reach('serving');
  expect(next.state.now().containersSeen).toBe(3);
  await next.stop();
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

test('a gate that somebody else opens is shut again', async () => {
  world.decide({ kind: 'deny', reason: 'no' });
  const service = world.start();
  await service.reach('denied');
  world.running.add('ecs.service');
  await writeFile(join(world.folder, 'gate-open'), '99999999999\n');
  await vi.waitFor(async () => expect(await world.isGateOpen()).toBe(false), { timeout: 5000 });
  await vi.waitFor(() => expect(world.running.has('ecs.service')).toBe(false));
  expect(world.said('somebody else opened the gate')).toBe(1);
  await service.stop();
});

test('a Docker that is silent: no tasks, then it is killed; when it answers all goes on', async () => {
  const service = world.start();
  await service.reach('serving');
  world.docker.goAway();
  await service.reach('docker');
  expect(await world.isThere('agent-open')).toBe(false);
  await vi.waitFor(() => expect(world.running.has('ecs.service')).toBe(false));
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
  await vi.waitFor(() => expect(first.state.now().containersSeen).toBe(1));
  await first.stop();
  await world.witness('b');
  await world.witness('a');
  const second = world.start();
  await second.reach('serving');
  await vi.waitFor(() => expect(second.state.now().containersSeen).toBe(3));
  const lines = (await readFile(join(world.folder, 'starts', 'record.ndjson'), 'utf8')).trim().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { n: number }).n)).toEqual([1, 2, 3]);
  await second.stop();
});
