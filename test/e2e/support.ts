import { createHash } from 'node:crypto';
import { mkdtemp, readFile, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Check } from '#contracts/check.ts';
import { projectFolder } from '../../src/io/paths.ts';
import { failedChecks } from '../support/failed-checks.ts';

/** The command as users have it. */
export const ECS_HOST = join(projectFolder(), 'bin', 'ecs-host');

export type Cli = {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Both, as they came; before them what was wrong with a `--json` run: a log may show no more than a beginning. */
  readonly all: string;
};

/** Never lets a test reach AWS: no credentials, no metadata, no profile of whoever runs the tests. */
export function testEnvironment(more: Record<string, string> = {}): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_'));
  return {
    ...(Object.fromEntries(kept) as Record<string, string>),
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    ...more,
  };
}

export type CliOptions = {
  /** Ends the command as SIGTERM does; it may take its time to clean up. */
  readonly signal?: AbortSignal;
  /** Ctrl-C in the terminal is for whoever started the command, and not for it. */
  readonly isDetached?: boolean;
};

/** Starts the command; for tests that send it signals. */
export function start(args: readonly string[], more: Record<string, string> = {}, options: CliOptions = {}) {
  return startProgram(ECS_HOST, args, more, options);
}

export function startProgram(file: string, args: readonly string[], more: Record<string, string>, options: CliOptions) {
  return execa(file, args, {
    env: testEnvironment(more),
    extendEnv: false,
    reject: false,
    all: true,
    stdin: 'ignore',
    detached: options.isDetached ?? false,
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal, forceKillAfterDelay: false }),
  });
}

/** `lab up` of a lab that this process owns: a run of the tests that is killed leaves none up. */
export function upOwned(stateFolder: string, options: CliOptions = {}) {
  const args = [join(projectFolder(), 'lab', 'main.ts'), 'up', '--json', '--owner-pid', String(process.pid)];
  return startProgram(process.execPath, args, { ECS_HOST_STATE: stateFolder }, options);
}

export async function cli(
  args: readonly string[],
  more: Record<string, string> = {},
  options: CliOptions = {},
): Promise<Cli> {
  const result = await start(args, more, options);
  const { exitCode, stdout, stderr } = result;
  return { exitCode, stdout, stderr, all: [...whatWasWrong(stdout), result.all].join('\n') };
}

/** Events of a `--json` run, in order. */
export function events({ stdout }: Cli): Record<string, unknown>[] {
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** The instance that `--keep-on-failure` left, reached by the command that was printed. */
export async function keptInstance(output: Record<string, unknown>[]): Promise<string> {
  const text = String(output.find((event) => event['code'] === 'KEPT')?.['text']);
  const [, command = ''] = /A shell on it: (.*)$/.exec(text) ?? [];
  return (await execa('sh', ['-c', `${command} cat /etc/hostname`], { stdin: 'ignore' })).stdout;
}

/** The last line of a `--json` run. */
export function resultOf(run: Cli): Record<string, unknown> {
  const last = events(run).at(-1);
  if (last?.['type'] !== 'result') throw new Error(`no result line; the last one is ${JSON.stringify(last)}`);
  return last;
}

/** A line each: checks that did not hold, and the error that ended it. Not every command prints a line an event. */
function whatWasWrong(stdout: string): string[] {
  const ofRun = stdout.split('\n').filter((line) => /^{"(time|type)":.*}$/.test(line));
  const lines = ofRun.flatMap((line) => {
    const { type, check, ...rest } = JSON.parse(line) as Record<string, unknown>;
    if (type === 'error') return [JSON.stringify(rest)];
    if (type !== 'check') return [];
    return failedChecks([check as Check]).map(({ id, actual, reason = '' }) => `${id}: ${actual} ${reason}`);
  });
  return lines.length === 0 ? [] : ['What was wrong:', ...lines, ''];
}

/**
 * What the machine holds of the lab of this state folder: mounts, loop devices, namespace, link, processes. Others may
 * be up beside it.
 */
export async function machineLeftovers(stateFolder: string): Promise<string[]> {
  const folder = join(stateFolder, 'lab');
  const id = createHash('sha256').update(folder).digest('hex').slice(0, 8);
  const output = async (file: string, args: readonly string[]): Promise<string> =>
    (await execa(file, args, { reject: false, stdin: 'ignore' })).stdout;
  const left = (what: string, text: string, pattern: string): string[] =>
    text
      .split('\n')
      .filter((line) => line.includes(pattern))
      .map((line) => `${what} ${line}`);
  return [
    ...left('mount', await readFile('/proc/mounts', 'utf8'), folder),
    ...left('loop', await output('losetup', ['-l', '-n', '-O', 'NAME,BACK-FILE']), folder),
    ...left('namespace', await output('ip', ['netns', 'list']), id),
    ...left('link', await output('ip', ['-o', 'link']), id),
    ...left('process', await output('ps', ['-e', '-o', 'pid=,args=']), folder),
    ...left('machine', await output('ps', ['-e', '-o', 'pid=,args=']), `ecs-host-lab-${id}`),
  ];
}

/**
 * A fresh folder for state; the cache is shared, so that base images are built once. Its name is short, since sockets
 * have their places in it. Whoever asks removes it, after a look at what the machine still holds (`machineLeftovers`).
 */
export async function newStateFolder(): Promise<string> {
  return realpath(await mkdtemp(join(tmpdir(), 'lab-')));
}
