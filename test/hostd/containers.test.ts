import { access, lstat, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Containers } from '../../hostd/containers.ts';
import { createLog } from '../../hostd/log.ts';
import { Placer } from '../../hostd/placer.ts';
import { Resources } from '../../hostd/resources.ts';
import { createTestDocker, PLACE_HELPER } from '../fixtures/host-service.ts';
import { tempFolder } from '../support/temp-folder.ts';

let folder: string;
let docker: ReturnType<typeof createTestDocker>;
let lines: string[];
const placers: Placer[] = [];

beforeEach(async () => {
  folder = tempFolder();
  docker = createTestDocker();
  lines = [];
  await mkdir(join(folder, 'containers'));
});
afterEach(() => {
  for (const placer of placers.splice(0)) placer.close();
});

const log = createLog((line) => lines.push(line));

/** One life of the service; another one reads the same files. */
async function live(more: { helper?: string; pendingMs?: number; retryMs?: number } = {}) {
  const { helper = PLACE_HELPER, ...times } = more;
  const placer = new Placer(log, {
    containers: join(folder, 'containers'),
    outbox: join(folder, 'outbox'),
    helper,
  });
  placers.push(placer);
  const containers = new Containers({
    docker: docker.client,
    resources: new Resources(placer, log, join(folder, 'assigned.json')),
    log,
    signal: new AbortController().signal,
    ...times,
  });
  await docker.client.subscribe((event) => containers.take(event));
  return containers;
}
function own(name: string): string {
  return join(folder, 'containers', name);
}
function makeOwn(name: string): Promise<string | undefined> {
  return mkdir(own(name), { recursive: true });
}
function isReady(name: string): Promise<boolean> {
  return access(join(own(name), '.ready')).then(
    () => true,
    () => false,
  );
}
async function tty(name: string): Promise<number> {
  return Number(await readFile(join(own(name), 'tty'), 'utf8'));
}

describe('what a streaming container needs', () => {
  test('comes with its start and goes with its death; no two have the same tty', async () => {
    const containers = await live();
    const names = Array.from({ length: 20 }, (_, index) => `base-${index}`);
    for (const name of names) await makeOwn(name);
    for (const name of names) docker.run(name, name, { ports: { '32262/tcp': 40_000 } });
    await containers.idle();
    expect(new Set(await Promise.all(names.map(tty))).size).toBe(20);
    const freed = await tty('base-3');
    docker.die('base-3');
    await containers.idle();
    expect(await isReady('base-3')).toBe(false);
    await makeOwn('later');
    docker.run('later', 'later');
    await containers.idle();
    expect(await tty('later')).toBe(freed);
  });

  test.each(['the witness alone', 'its event alone', 'the comparison alone'])(
    'comes when a start is known by %s',
    async (how) => {
      const containers = await live();
      await makeOwn('one');
      docker.run('a', 'one', { quietly: how !== 'its event alone' });
      if (how === 'the witness alone') containers.started({ id: 'a' });
      if (how === 'the comparison alone') await containers.reconcile();
      await containers.idle();
      await expect.poll(() => isReady('one')).toBe(true);
    },
  );

  test('is looked for again while Docker does not say yet that it runs', async () => {
    const containers = await live();
    await makeOwn('one');
    docker.containers.set('a', { id: 'a', name: 'one', isRunning: false, ports: {} });
    containers.started({ id: 'a' });
    await containers.idle();
    expect(await isReady('one')).toBe(false);
    docker.run('a', 'one', { quietly: true });
    await expect.poll(() => isReady('one')).toBe(true);
  });

  test('is not waited for in one that has died, or was removed, or never ran', async () => {
    const containers = await live({ pendingMs: 100 });
    const look = vi.spyOn(docker.client, 'look');
    containers.started({ id: 'gone' });
    docker.containers.set('b', { id: 'b', name: 'two', isRunning: false, ports: {} });
    containers.started({ id: 'b' });
    await expect.poll(() => look.mock.calls.length).toBeGreaterThan(3);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const calls = look.mock.calls.length;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(look.mock.calls.length).toBe(calls);
  });

  test('is new after a restart whose death nobody told of', async () => {
    const containers = await live();
    await makeOwn('one');
    docker.run('a', 'one', { ports: { '1/tcp': 1 } });
    await containers.idle();
    docker.run('a', 'one', { quietly: true, ports: { '1/tcp': 2 } });
    containers.started({ id: 'a' });
    await expect.poll(() => readFile(join(own('one'), 'ports.json'), 'utf8')).toBe('{"1/tcp":2}\n');
  });

  test('is kept across a death of the service, and taken from whoever died meanwhile', async () => {
    const first = await live();
    for (const name of ['base-1', 'base-2']) {
      await makeOwn(name);
      docker.run(name, name);
    }
    await first.idle();
    const before = await tty('base-2');
    docker.containers.delete('base-1');
    const second = await live();
    await second.compare();
    expect(await isReady('base-1')).toBe(false);
    expect(await tty('base-2')).toBe(before);
    await makeOwn('base-3');
    docker.run('base-3', 'base-3');
    await second.idle();
    expect(await tty('base-3')).not.toBe(before);
  });

  test('goes to the second of one name also when the first one’s death is told late', async () => {
    const containers = await live();
    await makeOwn('one');
    docker.run('a', 'one');
    await containers.idle();
    docker.containers.delete('a');
    docker.run('b', 'one');
    await containers.idle();
    docker.push({ action: 'die', id: 'a' });
    await containers.idle();
    expect(await isReady('one')).toBe(true);
  });

  test('is not wanted by one without a folder, also when all ttys are taken', async () => {
    const containers = await live();
    for (let index = 0; index < 54; index += 1) {
      await makeOwn(`base-${index}`);
      docker.run(`base-${index}`, `base-${index}`);
    }
    docker.run('none', 'none-of-ours');
    await makeOwn('too-many');
    docker.run('too-many', 'too-many');
    await containers.idle();
    expect(lines.filter((line) => line.startsWith('<3>'))).toEqual([
      '<3>container too-many: all ttys from 10 to 63 are taken\n',
    ]);
  });

  test('is made anew when what was written down of it is damaged', async () => {
    const first = await live();
    await makeOwn('one');
    docker.run('a', 'one');
    await first.idle();
    await writeFile(join(folder, 'assigned.json'), '{"a":{"name":"../x","tty":10},');
    const second = await live();
    await second.compare();
    expect(await isReady('one')).toBe(true);
    expect(lines.filter((line) => line.includes('damaged'))).toHaveLength(1);
  });
});

describe('what a container plants in its folder', () => {
  const NAMES = ['.ready', 'tty', 'ports.json', '.ready.partial', 'tty.partial', 'ports.json.partial'];

  test('is replaced and never opened: links', async () => {
    const containers = await live();
    await makeOwn('one');
    for (const name of NAMES) await symlink(join(folder, `stolen-${name}`), join(own('one'), name));
    docker.run('a', 'one');
    await containers.idle();
    for (const name of NAMES) await expect(lstat(join(folder, `stolen-${name}`))).rejects.toThrow('ENOENT');
    for (const name of ['.ready', 'tty', 'ports.json'])
      expect((await lstat(join(own('one'), name))).isFile()).toBe(true);
  });

  test('is replaced and never opened: named pipes', async () => {
    const containers = await live();
    await makeOwn('one');
    await execa(
      'mkfifo',
      NAMES.map((name) => join(own('one'), name)),
    );
    docker.run('a', 'one');
    await containers.idle();
    expect(await tty('one')).toBe(10);
  });

  test('is said when it cannot be replaced, and keeps nobody else waiting', async () => {
    const containers = await live({ retryMs: 50 });
    await mkdir(join(own('one'), 'ports.json'), { recursive: true });
    await makeOwn('two');
    docker.run('a', 'one');
    docker.run('b', 'two');
    await containers.idle();
    expect(await isReady('two')).toBe(true);
    expect(await isReady('one')).toBe(false);
    expect(lines).toContain('<3>container one: EISDIR: Is a directory\n');
    await rm(join(own('one'), 'ports.json'), { recursive: true });
    await expect.poll(() => isReady('one')).toBe(true);
    expect(lines.filter((line) => line.includes('EISDIR'))).toHaveLength(1);
  });

  test('a folder that is a link is none', async () => {
    const containers = await live();
    await mkdir(join(folder, 'elsewhere'));
    await symlink(join(folder, 'elsewhere'), own('one'));
    docker.run('a', 'one');
    await containers.idle();
    expect(lines).toContain('<3>container one: its folder is no directory\n');
    await expect(access(join(folder, 'elsewhere', 'tty'))).rejects.toThrow();
  });

  test('a folder that never answers costs its helper, and nobody else', async () => {
    // Hangs on one name as a file system would that never answers.
    const helper = join(folder, 'helper');
    await writeFile(
      helper,
      `#!/bin/sh
while read -r line; do
  case $line in *hung*) sleep 60 ;; esac
  printf '%s\\n' "$line" | ${PLACE_HELPER} "$@"
done
`,
      { mode: 0o755 },
    );
    const containers = await live({ helper });
    for (const name of ['hung', 'fine']) await makeOwn(name);
    docker.run('a', 'hung');
    docker.run('b', 'fine');
    await containers.idle();
    expect(await isReady('fine')).toBe(true);
    expect(lines).toContain('<3>container hung: its folder did not answer in 2000 ms\n');
  });
});

test('a name that is a path is no name', async () => {
  const containers = await live();
  docker.run('a', '../../etc');
  await containers.idle();
  await expect(access(join(folder, '..', 'etc'))).rejects.toThrow();
});

test('a failure is said once and tried again until it succeeds; Docker being away is one', async () => {
  const containers = await live({ retryMs: 20 });
  await makeOwn('one');
  docker.run('a', 'one', { quietly: true });
  docker.goAway();
  containers.started({ id: 'a' });
  await containers.idle();
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(lines.filter((line) => line.includes('ECONNREFUSED'))).toHaveLength(1);
  docker.comeBack();
  await expect.poll(() => isReady('one')).toBe(true);
});
