import { access, appendFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createContainers } from '../../hostd/containers.ts';
import { parseTime } from '../../hostd/docker.ts';
import { createLog } from '../../hostd/log.ts';
import { createResources } from '../../hostd/resources.ts';
import { Starts } from '../../hostd/starts.ts';
import { createTestDocker } from './a-service.ts';

let folder: string;
let docker: ReturnType<typeof createTestDocker>;
const NOW = BigInt(Date.now()) * 1_000_000n;
const SECOND = 1_000_000_000n;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ecs-containers-'));
  docker = createTestDocker();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** One life of the service; another one reads the same files. */
const live = async () => {
  const starts = new Starts(join(folder, 'starts.ndjson'));
  const containers = createContainers({
    docker: docker.client,
    resources: createResources(join(folder, 'containers')),
    starts,
    log: createLog(() => undefined),
    signal: new AbortController().signal,
    onSeen: () => undefined,
  });
  await docker.client.subscribe((event) => containers.take(event));
  return { starts, containers };
};
const own = (name: string): Promise<string | undefined> => mkdir(join(folder, 'containers', name), { recursive: true });
const isReady = (name: string): Promise<boolean> =>
  access(join(folder, 'containers', name, '.ready')).then(
    () => true,
    () => false,
  );
const tty = async (name: string): Promise<number> =>
  Number(await readFile(join(folder, 'containers', name, 'tty'), 'utf8'));

describe('each start is handled exactly once', () => {
  test('when its event comes twice, and the list tells of it, too', async () => {
    const { starts, containers } = await live();
    docker.run('a', 'one', NOW);
    docker.push({ action: 'start', id: 'a', name: 'one', atNs: NOW + 1000n });
    await containers.reconcile();
    await containers.idle();
    expect(starts.count).toBe(1);
  });

  test('when the list was first and the event comes later', async () => {
    const { starts, containers } = await live();
    docker.run('a', 'one', NOW, { quietly: true });
    await containers.reconcile();
    docker.push({ action: 'start', id: 'a', name: 'one', atNs: NOW + 20_000_000n });
    await containers.idle();
    expect(starts.count).toBe(1);
  });

  test('across a death of the service, with all of its events replayed', async () => {
    const first = await live();
    docker.run('a', 'one', NOW);
    await first.containers.idle();
    const second = await live();
    docker.push({ action: 'start', id: 'a', name: 'one', atNs: NOW + 1000n });
    await second.containers.reconcile();
    await second.containers.idle();
    expect(second.starts.count).toBe(1);
  });

  test('a start that happened while the service was dead is found in the list, also when it is over by now', async () => {
    docker.run('a', 'one', NOW, { quietly: true });
    docker.run('b', 'two', NOW, { quietly: true });
    docker.containers.set('b', { id: 'b', name: 'two', isRunning: false, startedAtNs: NOW, ports: {} });
    const { starts, containers } = await live();
    await containers.reconcile();
    expect(starts.count).toBe(2);
  });

  test('what ran in an earlier boot is no start of this one', async () => {
    docker.containers.set('a', { id: 'a', name: 'one', isRunning: false, startedAtNs: SECOND, ports: {} });
    const { starts, containers } = await live();
    await containers.reconcile();
    expect(starts.count).toBe(0);
  });

  test('a second start of one container is another start', async () => {
    const { starts, containers } = await live();
    docker.run('a', 'one', NOW);
    await containers.idle();
    docker.die('a', NOW + SECOND);
    docker.run('a', 'one', NOW + 2n * SECOND);
    await containers.idle();
    await containers.reconcile();
    expect(starts.count).toBe(2);
  });

  test('two starts whose events come only after the second', async () => {
    const { starts, containers } = await live();
    docker.run('a', 'one', NOW + SECOND, { quietly: true });
    docker.push({ action: 'start', id: 'a', name: 'one', atNs: NOW });
    docker.push({ action: 'die', id: 'a', name: 'one', atNs: NOW + 1000n });
    docker.push({ action: 'start', id: 'a', name: 'one', atNs: NOW + SECOND + 1000n });
    await containers.idle();
    expect(starts.count).toBe(2);
  });

  test('a second start right after one that the list told of', async () => {
    const { starts, containers } = await live();
    docker.run('a', 'one', NOW, { quietly: true });
    await containers.reconcile();
    docker.push({ action: 'start', id: 'a', name: 'one', atNs: NOW + 1000n });
    docker.die('a', NOW + SECOND / 2n);
    docker.run('a', 'one', NOW + SECOND);
    await containers.idle();
    await containers.reconcile();
    expect(starts.count).toBe(2);
  });

  test('a second start right after one that only the list told of, because dockerd forgot its events', async () => {
    const { starts, containers } = await live();
    docker.run('a', 'one', NOW, { quietly: true });
    await containers.reconcile();
    docker.run('a', 'one', NOW + SECOND);
    await containers.idle();
    await containers.reconcile();
    expect(starts.count).toBe(2);
  });

  test('a clock that was set back hides nothing', async () => {
    const { starts, containers } = await live();
    docker.run('a', 'one', NOW);
    docker.run('b', 'two', NOW - 3600n * SECOND);
    await containers.idle();
    expect(starts.count).toBe(2);
  });

  test('a start that was seen just before Docker went away is handled once Docker is back', async () => {
    const { starts, containers } = await live();
    await own('one');
    docker.goAway();
    docker.run('a', 'one', NOW);
    await sleep(300);
    expect(starts.count).toBe(0);
    docker.comeBack();
    await containers.idle();
    expect(starts.count).toBe(1);
    expect(await isReady('one')).toBe(true);
  });

  test('a file that a kill cut off loses nothing but its last line', async () => {
    const first = await live();
    docker.run('a', 'one', NOW);
    await first.containers.idle();
    await appendFile(join(folder, 'starts.ndjson'), '{"id":"b","na');
    const second = await live();
    docker.run('c', 'three', NOW);
    await second.containers.idle();
    expect(new Starts(join(folder, 'starts.ndjson')).count).toBe(2);
  });
});

describe('what a streaming container needs', () => {
  test('comes with its start and goes with its death; no two have the same tty', async () => {
    const { containers } = await live();
    const names = Array.from({ length: 20 }, (_, index) => `base-${index}`);
    for (const name of names) await own(name);
    for (const name of names) docker.run(name, name, NOW, { ports: { '32262/tcp': 40_000 } });
    await containers.idle();
    expect(new Set(await Promise.all(names.map(tty))).size).toBe(20);
    const freed = await tty('base-3');
    docker.die('base-3', NOW + SECOND);
    await containers.idle();
    expect(await isReady('base-3')).toBe(false);
    await own('later');
    docker.run('later', 'later', NOW + SECOND);
    await containers.idle();
    expect(await tty('later')).toBe(freed);
  });

  test('is kept across a death of the service, and taken from whoever died meanwhile', async () => {
    const first = await live();
    for (const name of ['base-1', 'base-2']) {
      await own(name);
      docker.run(name, name, NOW);
    }
    await first.containers.idle();
    const before = await tty('base-2');
    docker.containers.delete('base-1');
    const second = await live();
    await second.containers.reconcile();
    expect(await isReady('base-1')).toBe(false);
    expect(await tty('base-2')).toBe(before);
    await own('base-3');
    docker.run('base-3', 'base-3', NOW);
    await second.containers.idle();
    expect(await tty('base-3')).not.toBe(before);
  });

  test('a name that is a path is no name', async () => {
    const { starts, containers } = await live();
    docker.run('a', '../../etc', NOW);
    await containers.idle();
    expect(starts.count).toBe(1);
    await expect(access(join(folder, '..', 'etc'))).rejects.toThrow();
  });
});

test('a handling that fails is said once, does not stop the next, and is tried again until it succeeds', async () => {
  const lines: string[] = [];
  const starts = new Starts(join(folder, 'starts.ndjson'));
  const over = new AbortController();
  let isFull = true;
  const assign = vi.fn(async (name: string) => {
    if (name === 'full' && isFull) throw new Error('ENOSPC: no space left on device');
    return true;
  });
  const containers = createContainers({
    docker: docker.client,
    resources: { assigned: async () => [], release: async () => undefined, assign },
    starts,
    log: createLog((line) => lines.push(line)),
    signal: over.signal,
    onSeen: () => undefined,
    retryMs: 20,
  });
  await docker.client.subscribe((event) => containers.take(event));
  docker.run('a', 'full', NOW);
  docker.run('b', 'fine', NOW);
  await containers.idle();
  expect(starts.count).toBe(1);
  await expect.poll(() => assign.mock.calls.filter(([name]) => name === 'full').length).toBeGreaterThan(2);
  expect(lines.filter((line) => line.includes('ENOSPC'))).toHaveLength(1);
  isFull = false;
  await expect.poll(() => starts.count).toBe(2);
  await containers.reconcile();
  expect(starts.count).toBe(2);
  over.abort();
});

test.each([
  ['2026-11-23T22:47:12.123456789Z', 1_795_474_032_123_456_789n],
  ['2026-11-23T22:47:12.5Z', 1_795_474_032_500_000_000n],
  ['2026-11-23T22:47:12Z', 1_795_474_032_000_000_000n],
  ['0001-01-01T00:00:00Z', null],
  ['never', null],
])('reads the time %s', (text, expected) => {
  expect(parseTime(text)).toBe(expected);
});
