import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LEASE_MS } from '#contracts/host-service.ts';
import { bootCs, Gate } from '../../hostd/gate.ts';
import { tempFolder } from '../support/temp-folder.ts';

/**
 * The host service's side of the gate, and the programs of the image that read it, with another folder in place of
 * /run/ecs-host.
 */
const BIN = join(import.meta.dirname, '../../packer/rootfs/opt/ecs-host/bin');
let folder: string;
let gate: Gate;
beforeEach(() => {
  folder = tempFolder();
  gate = new Gate(() => undefined, { docker: join(folder, 'gate-open'), agent: join(folder, 'agent-open') });
});
afterEach(() => gate.shut());

async function install(program: string, as = program): Promise<string> {
  const path = join(folder, as);
  const text = await readFile(join(BIN, program), 'utf8');
  await writeFile(path, text.replaceAll('/run/ecs-host', folder), { mode: 0o755 });
  return path;
}

describe('a lease', () => {
  const check = async (name: string): Promise<number | undefined> =>
    (await execa(await install('ecs-host-gate'), ['check', name], { reject: false })).exitCode;

  test('is valid while the service renews it, and not a moment longer than it says', async () => {
    gate.open('docker');
    expect(await check('gate-open')).toBe(0);
    expect(await check('agent-open')).toBe(1);
    const first = Number(await readFile(join(folder, 'gate-open'), 'utf8'));
    expect(first - bootCs()).toBeLessThanOrEqual(LEASE_MS / 10);
    await sleep(600);
    expect(Number(await readFile(join(folder, 'gate-open'), 'utf8'))).toBeGreaterThan(first);
    gate.shut();
    expect(await check('gate-open')).toBe(1);
    await writeFile(join(folder, 'gate-open'), `${bootCs() - 1}\n`);
    expect(await check('gate-open')).toBe(1);
  });

  test.each(['', '\n', 'yes\n', '-1\n', '99999999999 or so\n', '99999999999\n'])(
    'that holds %j is none',
    async (text) => {
      await writeFile(join(folder, 'gate-open'), text);
      expect(await check('gate-open')).toBe(1);
    },
  );

  test('that is a link, a named pipe or a folder is none', async () => {
    await writeFile(join(folder, 'real'), `${bootCs() + 100}\n`);
    await symlink(join(folder, 'real'), join(folder, 'gate-open'));
    expect(await check('gate-open')).toBe(1);
    await rm(join(folder, 'gate-open'));
    await execa('mkfifo', [join(folder, 'gate-open')]);
    expect(await check('gate-open')).toBe(1);
    await rm(join(folder, 'gate-open'));
    await mkdir(join(folder, 'gate-open'));
    expect(await check('gate-open')).toBe(1);
    expect(gate.removeForged()).toBe(true);
    expect(gate.removeForged()).toBe(false);
  });

  test('tells of a loop that was late', async () => {
    let lapses = 0;
    gate.onLapse = () => {
      lapses += 1;
    };
    gate.open('docker');
    await sleep(300);
    expect(lapses).toBe(0);
    const until = performance.now() + LEASE_MS + 100;
    while (performance.now() < until);
    await sleep(300);
    expect(lapses).toBe(1);
  });

  test('tells of leases that could not be written until they had run out', async () => {
    const told: string[] = [];
    const full = new Gate((_error, lease) => told.push(lease), {
      docker: join(folder, 'docker', 'lease'),
      agent: join(folder, 'agent', 'lease'),
    });
    full.onLapse = () => told.push('lapse');
    full.open('docker');
    full.open('agent');
    // A file in place of its folder: nothing can be written there, as on a disk that is full.
    await rm(join(folder, 'agent'), { recursive: true });
    await writeFile(join(folder, 'agent'), '');
    await sleep(LEASE_MS + 300);
    expect(new Set(told)).toEqual(new Set(['agent']));
    await rm(join(folder, 'agent'));
    await expect.poll(() => told.filter((each) => each === 'lapse')).toEqual(['lapse']);
    await sleep(500);
    full.shut();
    expect(told.filter((each) => each === 'lapse')).toEqual(['lapse']);
  });
});

describe('the witness', () => {
  const ID = 'a'.repeat(64);
  const RUNC = '#!/bin/sh\nprintf "%s " "$@"\n';
  let witness: string;
  beforeEach(async () => {
    witness = await install('ecs-host-witness', 'runc');
    await writeFile(`${witness}.distrib`, RUNC, { mode: 0o755 });
    await mkdir(join(folder, 'starts', 'new'), { recursive: true });
  });
  const run = (...args: readonly string[]) => execa(witness, args, { reject: false });
  const entries = (): Promise<string[]> => readdir(join(folder, 'starts', 'new'));
  const docker = ['--root', '/run/x', '--log', '', '--log-format', 'json', '--systemd-cgroup'];

  test('writes a start down, then gives way to runc with every word as it was', async () => {
    gate.open('docker');
    const { stdout, exitCode } = await run(...docker.with(3, join(folder, 'log')), 'start', ID);
    expect(exitCode).toBe(0);
    expect(stdout).toBe(`--root /run/x --log ${join(folder, 'log')} --log-format json --systemd-cgroup start ${ID} `);
    expect(await entries()).toEqual([expect.stringMatching(new RegExp(`^${ID}\\.\\d+\\.\\d+$`))]);
  });

  test.for<[string, string[]]>([
    ['create', ['create', '--bundle', '/b', ID]],
    ['start', ['start', ID]],
    ['run', ['run', '--bundle', '/b', 'x1']],
    ['restore', ['restore', '--image-path', '/i', ID]],
    ['start behind an option of a later runc', ['--new-option', 'value', 'start', ID]],
    ['start with options that have an equals sign', ['--root=/r', '--log=/dev/null', 'start', ID]],
    ['start with one dash', ['-root', 'state', 'start', ID]],
  ])('refuses %s while the gate is shut, and Docker is told why', async ([, args]) => {
    const log = join(folder, 'log.json');
    const { exitCode, stderr, stdout } = await run('--log', log, ...args);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('the gate of this host is shut');
    expect(stdout).toBe('');
    if (!args.some((word) => word.startsWith('--log=')))
      expect(JSON.parse(await readFile(log, 'utf8'))).toMatchObject({ level: 'error' });
    expect(await entries()).toEqual([]);
  });

  test('refuses when nobody renews the lease', async () => {
    await writeFile(join(folder, 'gate-open'), `${bootCs() - 1}\n`);
    expect((await run('start', ID)).stderr).toContain('does not keep the gate open');
  });

  test('refuses what cannot be written down', async () => {
    gate.open('docker');
    await rm(join(folder, 'starts'), { recursive: true });
    expect((await run('start', ID)).stderr).toContain('cannot be written down');
    await mkdir(join(folder, 'starts', 'new'), { recursive: true });
    for (const id of ['../x', 'a b', '.', '-x'])
      expect((await run('start', id)).stderr).toContain('no id of a container');
  });

  test.each(['state', 'kill', 'delete', 'exec', 'ps', '--version', 'features'])(
    'lets %s pass, whatever the gate',
    async (command) => {
      expect(await run('--log', '/dev/null', command, ID)).toMatchObject({ exitCode: 0 });
      expect(await entries()).toEqual([]);
    },
  );

  test('creating is no start', async () => {
    gate.open('docker');
    expect((await run('create', '--bundle', '/b', ID)).exitCode).toBe(0);
    expect(await entries()).toEqual([]);
  });
});

test('what is left when the host service ended: no gate, no agent, and no state that says it serves', async () => {
  const stopped = await install('ecs-host-stopped');
  const bin = join(folder, 'bin');
  await mkdir(bin);
  await writeFile(join(bin, 'systemctl'), `#!/bin/sh\necho "$*" >> ${folder}/asked\n`, { mode: 0o755 });
  const state = { version: 1, phase: 'serving', status: 'it "serves"', gate: 'open', instanceId: null };
  await writeFile(join(folder, 'state.json'), `${JSON.stringify(state, null, 2)}\n`);
  await writeFile(join(folder, 'agent-open'), '');
  gate.open('docker');
  const env = { PATH: `${bin}:${process.env['PATH']}`, SERVICE_RESULT: 'signal' };
  await execa(stopped, { env });
  expect((await readdir(folder)).filter((name) => name.endsWith('-open'))).toEqual([]);
  expect(JSON.parse(await readFile(join(folder, 'state.json'), 'utf8'))).toEqual({
    ...state,
    phase: 'failed',
    gate: 'shut',
    status: 'the host service ended: signal',
  });
  await execa(stopped, { env: { ...env, SERVICE_RESULT: 'timeout' } });
  expect((await readFile(join(folder, 'asked'), 'utf8')).trim().split('\n')).toEqual([
    'stop --no-block ecs.service',
    'stop --no-block ecs.service',
    'stop --no-block docker.socket docker.service',
  ]);
});
