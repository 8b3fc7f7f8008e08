import { execFile } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { SpanHandle } from '../../src/io/reporter.ts';
import { bringWorkload } from '../../src/workload/brought.ts';
import { findOwn, holdersIn, recordingStep, runContainer } from '../../src/workload/container.ts';
import { ensureWorkingTree } from '../../src/workload/working-tree.ts';
import { workload } from '../fixtures/workload.ts';
import { NO_SECRETS, shellHost, workloadRepository } from '../support/shell-host.ts';

const span = {
  id: 's1',
  progress: () => {},
  check: () => {},
  child: () => ({ progress: () => {}, end: () => {} }),
} as SpanHandle;
const FOREIGN = 'f'.repeat(64);

async function prepared() {
  const repository = await workloadRepository(workload.ports, new Uint8Array(16));
  const host = await shellHost();
  const own = { ...workload, repository };
  await ensureWorkingTree(host.ssh, () => bringWorkload(own, NO_SECRETS, host.home), span);
  const containers = () => readdir(join(host.home, 'containers'));
  return { ...host, own, containers };
}

test.each<[string, string, boolean]>([
  ['its own port', '0.0.0.0:32262->32262/tcp, [::]:32262->32262/tcp', true],
  ['a port within a range', '0.0.0.0:32270-32280->70-80/tcp', true],
  ['the port of the ping', '0.0.0.0:32263->1/udp', true],
  ['the number with the other protocol', '0.0.0.0:32262->32262/udp', false],
  ['the number inside the container alone', '0.0.0.0:80->32262/tcp', false],
  ['a port that nobody outside meets', '32262/tcp', false],
  ['none', '', false],
])('whether a container has a port of the stream: %s', (_what, ports, has) => {
  expect(holdersIn(`aa\tname\t${ports}\n`, workload.ports)).toEqual(has ? [{ id: 'aa', name: 'name' }] : []);
});

describe('a container', () => {
  test('takes the place of the one that was started here before, and of no other', async () => {
    const { ssh, own, containers, run, home } = await prepared();
    await run(FOREIGN, 'database', '0.0.0.0:5432->5432/tcp');
    const first = await runContainer(ssh, own, span);
    expect(first.stdout).toBe(`container: base\nkey file: ${home}/key\n`);
    expect(first.container.name).toBe(`base-${first.container.id.slice(0, 8)}`);
    const second = await runContainer(ssh, own, span);
    expect(await containers()).toEqual([second.container.id, FOREIGN].sort());
    expect(second.container.id).not.toBe(first.container.id);
    expect(await findOwn(ssh, own.ports)).toEqual(second.container);
  });

  test('of somebody else on a port is an error that names it, and stays', async () => {
    const { ssh, own, containers, run } = await prepared();
    await run(FOREIGN, 'theirs', '0.0.0.0:32273->32273/tcp');
    await expect(runContainer(ssh, own, span)).rejects.toMatchObject({
      code: 'STREAM_PORTS_TAKEN',
      hint: expect.stringContaining('docker rm --force theirs'),
    });
    expect(await containers()).toEqual([FOREIGN]);
  });

  test('that does not start is an error that says what the script said', async () => {
    const { ssh, own, home } = await prepared();
    await writeFile(join(home, 'refuse'), '');
    await expect(runContainer(ssh, own, span)).rejects.toMatchObject({ code: 'WORKLOAD_FAILED', output: 'no room' });
  });

  test('is known as ours also when nobody waited for the end of its start', async () => {
    const { ssh, own, home } = await prepared();
    const { command } = recordingStep(own);
    const env = { ...process.env, HOME: home, PATH: `${join(home, 'bin')}:${process.env['PATH']}` };
    await new Promise((resolve) => {
      // The reader of its output is gone, as after a broken connection.
      const child = execFile('sh', ['-c', command], { cwd: home, env }, resolve);
      child.stdout?.destroy();
    });
    expect(await findOwn(ssh, own.ports)).not.toBeNull();
    expect(await readFile(join(home, '.local/state/ecs-host/stream-container'), 'utf8')).toMatch(/^[0-9a-f]{64}\n$/);
  });

  test('is none where the record is damaged: its ports are somebody else’s then', async () => {
    const { ssh, own, home } = await prepared();
    await runContainer(ssh, own, span);
    await writeFile(join(home, '.local/state/ecs-host/stream-container'), '; rm -rf /\n');
    await expect(findOwn(ssh, own.ports)).rejects.toMatchObject({ code: 'STREAM_PORTS_TAKEN' });
  });
});
