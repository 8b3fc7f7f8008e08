import { type ChildProcess, spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const SCRIPT = join(import.meta.dirname, 'boot-machine.sh');

export type Ended = { readonly exitCode: number | null; readonly signal: NodeJS.Signals | null };

export type MachineProcessSpec = {
  readonly namespace: string;
  /** The disk that the command needs mounted, and where; null for one that opens disks itself. */
  readonly mount: {
    readonly disk: string;
    readonly root: string;
    /** What is to be a block device: the command gets `node`, `major:minor` of each as its last arguments. */
    readonly devices: readonly { readonly node: string; readonly file: string }[];
  } | null;
  readonly groupFiles: readonly string[];
  readonly command: readonly string[];
  readonly consoleFile: string;
  /** Whether the command gets a socket of ours as file 3. */
  readonly hasSocket?: boolean;
};

export type MachineProcess = {
  readonly child: ChildProcess;
  readonly pid: number;
  isRunning(): boolean;
  /** Settles once, when the command has ended. */
  readonly ended: Promise<Ended>;
};

/** The process that is a machine, in its control groups and in the lab's network; it ends with this one. */
export async function spawnMachine(spec: MachineProcessSpec): Promise<MachineProcess> {
  const { namespace, mount, groupFiles, command, consoleFile, hasSocket = false } = spec;
  const devices = mount?.devices ?? [];
  const output = await open(consoleFile, 'a');
  let child: ChildProcess;
  try {
    child = spawn(
      SCRIPT,
      [
        ...['outer', `/run/netns/${namespace}`, mount?.disk ?? '', mount?.root ?? '', groupFiles.join(':')],
        ...[String(devices.length), ...devices.flatMap(({ node, file }) => [node, file])],
        ...command,
      ],
      // Its own process group: a Ctrl-C at the daemon's terminal is for the daemon.
      { stdio: ['ignore', output.fd, output.fd, ...(hasSocket ? ['pipe' as const] : [])], detached: true },
    );
  } finally {
    await output.close();
  }
  let running = true;
  const ended = new Promise<Ended>((resolve) => {
    child.once('error', () => resolve({ exitCode: null, signal: null }));
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
  }).finally(() => {
    running = false;
  });
  return { child, pid: child.pid ?? 0, isRunning: () => running, ended };
}

/** Whether the promise settled in time. */
export async function within(promise: Promise<unknown>, limitMs: number): Promise<boolean> {
  const stopwatch = new AbortController();
  const done = await Promise.race([
    promise.then(() => true),
    sleep(limitMs, false, { signal: stopwatch.signal }).catch(() => false),
  ]);
  stopwatch.abort();
  return done;
}
