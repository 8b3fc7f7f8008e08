import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { projectFolder } from '../../src/io/paths.ts';

/** The command as users have it. */
export const ECS_HOST = join(projectFolder(), 'bin', 'ecs-host');

export type Cli = { readonly exitCode: number | undefined; readonly stdout: string; readonly stderr: string; readonly all: string };

/** Never lets a test reach AWS: no credentials, no metadata, no profile of whoever runs the tests. */
export const testEnvironment = (more: Record<string, string> = {}): Record<string, string> => {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_'));
  return {
    ...(Object.fromEntries(kept) as Record<string, string>),
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    ...more,
  };
};

/** Starts the command; for tests that send it signals. */
export const start = (args: readonly string[], more: Record<string, string> = {}) =>
  execa(ECS_HOST, args, { env: testEnvironment(more), extendEnv: false, reject: false, all: true, stdin: 'ignore' });

export const cli = async (args: readonly string[], more: Record<string, string> = {}): Promise<Cli> => {
  const result = await start(args, more);
  return { exitCode: result.exitCode, stdout: result.stdout, stderr: result.stderr, all: result.all };
};

/** Events of a `--json` run, in order. */
export const events = (result: Cli): Record<string, unknown>[] =>
  result.stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** What the machine holds that a lab could have left: mounts, loop devices, namespaces, machines, lab processes. */
export const machineLeftovers = async (stateFolder: string): Promise<string[]> => {
  const left: string[] = [];
  const mounts = await readFile('/proc/mounts', 'utf8');
  left.push(...mounts.split('\n').filter((line) => line.includes(stateFolder)).map((line) => `mount ${line}`));
  const loops = await execa('losetup', ['-l', '-n', '-O', 'NAME,BACK-FILE'], { reject: false });
  left.push(...loops.stdout.split('\n').filter((line) => line.includes(stateFolder)).map((line) => `loop ${line}`));
  const spaces = await execa('ip', ['netns', 'list'], { reject: false });
  left.push(...spaces.stdout.split('\n').filter((line) => line.startsWith('ecs-host-lab-')).map((line) => `namespace ${line}`));
  const links = await execa('ip', ['-o', 'link'], { reject: false });
  left.push(...links.stdout.split('\n').filter((line) => /ecslab|ecs-host/.test(line)).map((line) => `link ${line}`));
  const processes = await execa('pgrep', ['-af', `systemd-nspawn|moto|docker-registry|lab/main.ts`], { reject: false });
  left.push(...processes.stdout.split('\n').filter((line) => line.includes(stateFolder)).map((line) => `process ${line}`));
  return left;
};

/** A fresh folder for state; the cache is shared, so that base images are built once. */
export const newStateFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'ecs-host-e2e-'));
