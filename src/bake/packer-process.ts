import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { followFile } from './follow-file.ts';

export type PackerExit = {
  readonly exitCode: number | null;
  /** The signal that ended it, when nobody here asked for that. */
  readonly signal: string | null;
  readonly interrupted: boolean;
};

export type PackerCommand = {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Receives stdout and stderr as they are; kept as evidence. */
  readonly outputFile: string;
  readonly onOutput: (chunk: Uint8Array) => void;
  readonly onStart: (pid: number) => Promise<void>;
  readonly signal: AbortSignal;
  /** How long packer may take to remove what it made after SIGINT, and then after SIGTERM. */
  readonly graceMs: { readonly interrupt: number; readonly terminate: number };
  /** Asked when the signal fires: whether there is nothing that packer could remove. */
  readonly isHopeless: () => boolean;
};

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone: nothing left to signal.
  }
}

/**
 * Runs packer in a process group of its own, so that a Ctrl-C on the terminal reaches it only through us and exactly
 * once (a second one makes it give up its clean-up). Its output goes to a file and not to a pipe, and it is asked to
 * stop when we die (`setpriv --pdeathsig`): after a `kill -9` of this program packer can still say and finish its
 * clean-up instead of dying of a broken pipe. That is also why this is `spawn` and not execa, which offers neither a
 * file of ours as stdout nor leaves signals alone.
 */
export async function runPacker(command: PackerCommand): Promise<PackerExit> {
  command.signal.throwIfAborted();
  await using output = await open(command.outputFile, 'a');
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', '--', command.file, ...command.args], {
    cwd: command.cwd,
    env: command.env,
    stdio: ['ignore', output.fd, output.fd],
    detached: true,
  });
  // Listens before anything else is awaited: an early end must not be missed.
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const pid = child.pid;
  if (pid === undefined) {
    await exited;
    throw new Error('unreachable: a child without a pid emits `error`, which `once` turns into a rejection');
  }
  let ended = false;
  let interrupted = false;
  const timers: NodeJS.Timeout[] = [];
  const onAbort = (): void => {
    interrupted = true;
    if (command.isHopeless()) {
      signalGroup(pid, 'SIGKILL');
      return;
    }
    signalGroup(pid, 'SIGINT');
    timers.push(setTimeout(() => signalGroup(pid, 'SIGTERM'), command.graceMs.interrupt));
    timers.push(setTimeout(() => signalGroup(pid, 'SIGKILL'), command.graceMs.interrupt + command.graceMs.terminate));
  };
  const following = (async () => {
    for await (const chunk of followFile(command.outputFile, () => ended)) command.onOutput(chunk);
  })();
  try {
    await command.onStart(pid);
    command.signal.addEventListener('abort', onAbort, { once: true });
    if (command.signal.aborted) onAbort();
    const [exitCode, signal] = await exited;
    // packer's plugins are in its group and outlive it when it was killed: a plugin alone would go on making resources.
    signalGroup(pid, 'SIGKILL');
    return { exitCode, signal: interrupted ? null : signal, interrupted };
  } finally {
    ended = true;
    command.signal.removeEventListener('abort', onAbort);
    for (const timer of timers) clearTimeout(timer);
    await following;
  }
}
