import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HostState } from '#contracts/host-service.ts';
import type { ContainerStart, DockerClient } from '../../hostd/docker.ts';
import { createGate } from '../../hostd/gate.ts';
import { createLog } from '../../hostd/log.ts';
import { runService } from '../../hostd/service.ts';
import { createStateKeeper } from '../../hostd/state.ts';
import type { Units } from '../../hostd/units.ts';
import { type Decision, startWebserver, type Webserver } from '../../webserver/server.ts';
import { makeSelfSigned } from '../../webserver/tls.ts';

const DOCUMENT = JSON.stringify({ instanceId: 'i-1', instanceType: 't3.large', region: 'us-west-2', imageId: 'ami-1' });

/** Answers what the service asks of IMDSv2, and nothing else. */
const startImds = async () => {
  const server = createServer((request, response) => {
    const answers: Record<string, string> = {
      'PUT /latest/api/token': 'token',
      'GET /latest/dynamic/instance-identity/document': DOCUMENT,
      'GET /latest/dynamic/instance-identity/signature': 'c2lnbmF0dXJl',
    };
    const answer = answers[`${request.method} ${request.url}`];
    const isAllowed = request.method === 'PUT' || request.headers['x-aws-ec2-metadata-token'] === 'token';
    response.writeHead(answer === undefined ? 404 : isAllowed ? 200 : 401).end(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/latest`, close: () => server.close() };
};

let folder: string;
let happened: string[];
let lines: string[];
let webserver: Webserver | null;
let imds: Awaited<ReturnType<typeof startImds>>;
let decision: Decision;
let running: Set<string>;
let pushStart: (event: ContainerStart) => void;

const isGateOpen = (): Promise<boolean> =>
  access(join(folder, 'gate')).then(
    () => true,
    () => false,
  );

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ecs-hostd-'));
  happened = [];
  lines = [];
  running = new Set();
  decision = { kind: 'grant' };
  imds = await startImds();
  const tls = await makeSelfSigned('127.0.0.1');
  webserver = await startWebserver({
    address: '127.0.0.1',
    port: 0,
    tls,
    decide: () => {
      happened.push(`asked: ${decision.kind}`);
      return decision;
    },
  });
  const config = {
    version: 1,
    webserverUrl: `https://127.0.0.1:${webserver.port}`,
    webserverCa: tls.cert,
    environment: 'test',
  };
  await writeFile(join(folder, 'host.json'), JSON.stringify(config));
  await mkdir(join(folder, 'containers', 'base-1'), { recursive: true });
});
afterEach(async () => {
  imds.close();
  await webserver?.close();
  await rm(folder, { recursive: true, force: true });
});

const units: Units = {
  start: async (names) => {
    happened.push(`start ${names.join(' ')} (gate ${(await isGateOpen()) ? 'open' : 'shut'})`);
    for (const name of names) running.add(name);
  },
  stop: async (names) => {
    for (const name of names)
      if (running.delete(name)) happened.push(`stop ${name} (gate ${(await isGateOpen()) ? 'open' : 'shut'})`);
  },
  state: async (name) => (running.has(name) ? 'active' : 'inactive'),
};
const docker: DockerClient = {
  subscribe: async (_since, on) => {
    happened.push(`subscribe (docker ${running.has('docker.service') ? 'runs' : 'does not run'})`);
    pushStart = on.start;
    const ended = Promise.withResolvers<void>();
    return { ended: ended.promise, close: ended.resolve };
  },
  running: async () => [],
};

const start = () => {
  const stopping = new AbortController();
  const state = createStateKeeper(join(folder, 'state.json'));
  const done = runService(
    {
      log: createLog((line) => lines.push(line)),
      state,
      units,
      gate: createGate(join(folder, 'gate')),
      docker,
      configPath: join(folder, 'host.json'),
      imdsEndpoint: imds.endpoint,
      containersFolder: join(folder, 'containers'),
    },
    stopping.signal,
  );
  const reach = async (phase: HostState['phase']): Promise<void> => {
    for (let tries = 0; state.now().phase !== phase; tries += 1) {
      if (tries > 500) throw new Error(`${phase} was not reached: ${state.now().phase}, ${lines.join('')}`);
      await sleep(10);
    }
  };
  return {
    state,
    reach,
    stop: async () => {
      stopping.abort();
      await done;
    },
  };
};

describe('the host service', () => {
  test('does everything in its order, and takes it down in the other', async () => {
    const service = start();
    await service.reach('serving');
    expect(happened).toEqual([
      'asked: grant',
      'start docker.socket docker.service (gate open)',
      'subscribe (docker runs)',
      'start ecs.service (gate open)',
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
    expect(webserver?.hosts()).toMatchObject([{ instanceId: 'i-1' }]);

    pushStart({ id: 'c1', name: 'base-1', startedAtNs: '1' });
    pushStart({ id: 'c1', name: 'base-1', startedAtNs: '1' });
    pushStart({ id: 'c2', name: '../escape', startedAtNs: '2' });
    pushStart({ id: 'c3', name: 'none-of-ours', startedAtNs: '3' });
    await sleep(50);
    expect(service.state.now().containersSeen).toBe(3);
    await access(join(folder, 'containers', 'base-1', '.ready'));
    await expect(access(join(folder, 'escape', '.ready'))).rejects.toThrow();

    happened.length = 0;
    const before = performance.now();
    await service.stop();
    // The dying heartbeat is answered at once; nothing waits for its limit.
    expect(performance.now() - before).toBeLessThan(3000);
    expect(happened).toEqual([
      'stop ecs.service (gate shut)',
      'stop docker.socket (gate shut)',
      'stop docker.service (gate shut)',
    ]);
    expect(webserver?.hosts()).toEqual([]);
    expect(service.state.now()).toMatchObject({ phase: 'stopped', gate: 'shut' });
  });

  test('keeps everything shut when it is denied, until it is restarted', async () => {
    decision = { kind: 'deny', reason: 'not today' };
    const service = start();
    await service.reach('denied');
    await sleep(100);
    expect(happened).toEqual(['asked: deny']);
    expect(await isGateOpen()).toBe(false);
    expect(lines.join('')).toContain('not today');
    await service.stop();
    decision = { kind: 'grant' };
    const again = start();
    await again.reach('serving');
    await again.stop();
  });

  test.for<[string, Decision]>([
    ['HTTP 500', { kind: 'error', status: 500 }],
    ['torn JSON', { kind: 'nonsense', body: '{"version":1' }],
    ['a token of another type', { kind: 'nonsense', body: '{"version":1,"authToken":7}' }],
    ['a huge body', { kind: 'nonsense', body: `"${'x'.repeat(100_000)}"` }],
  ])('asks again when the webserver answers %s', async ([, trouble]) => {
    decision = trouble;
    const service = start();
    await service.reach('handshake');
    while (happened.length === 0) await sleep(10);
    expect(await isGateOpen()).toBe(false);
    decision = { kind: 'grant' };
    await service.reach('serving');
    await service.stop();
  });

  test('stops an agent that an earlier life left, and does not touch running containers', async () => {
    running = new Set(['docker.service', 'docker.socket', 'ecs.service']);
    await writeFile(join(folder, 'gate'), '');
    decision = { kind: 'delay', delayMs: 300, afterwards: { kind: 'grant' } };
    const service = start();
    await service.reach('handshake');
    expect(happened).toContain('stop ecs.service (gate shut)');
    expect(running.has('docker.service')).toBe(true);
    await service.reach('serving');
    await service.stop();
  });

  test('waits for its configuration, says once what is wrong with it, and needs no restart', async () => {
    const good = await readFile(join(folder, 'host.json'), 'utf8');
    await writeFile(join(folder, 'host.json'), good.replace('https://', 'http://'));
    const service = start();
    while (!lines.join('').includes('not https')) await sleep(10);
    await sleep(600);
    expect(lines.filter((line) => line.includes('not https'))).toHaveLength(1);
    expect(happened).toEqual([]);
    await writeFile(join(folder, 'host.json'), good);
    await service.reach('serving');
    await service.stop();
  });

  test('trusts no other authority', async () => {
    const stranger = await makeSelfSigned('127.0.0.1');
    const config = JSON.parse(await readFile(join(folder, 'host.json'), 'utf8')) as Record<string, unknown>;
    await writeFile(join(folder, 'host.json'), JSON.stringify({ ...config, webserverCa: stranger.cert }));
    const service = start();
    while (!lines.join('').includes('certificate')) await sleep(10);
    expect(happened).toEqual([]);
    expect(await isGateOpen()).toBe(false);
    await service.stop();
  });

  test('writes its token nowhere', async () => {
    const service = start();
    await service.reach('serving');
    const text = `${lines.join('')}${await readFile(join(folder, 'state.json'), 'utf8')}`;
    expect(text).not.toMatch(/[A-Za-z0-9_-]{40,}/);
    await service.stop();
  });
});
