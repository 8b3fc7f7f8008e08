import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { constants } from 'node:os';
import { outsideError } from '../io/errors.ts';
import type { ControlMaster } from './ssh-master.ts';

/** How a command ended that had this program's terminal or pipes: a signal here comes as 128 and its number. */
export type HandedOver = { readonly exitCode: number };

/** ssh ends with this when it failed itself, and also when that was the exit code of the command. */
const SSH_FAILED = 255;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
type Signal = (typeof SIGNALS)[number];

/** In the environment of what was started, by which it is found again. */
const MARK = 'EXEC_BY_ECS_HOST';

/**
 * Without a terminal nothing carries a signal to the command: it would go on alone. So all processes that came of it
 * are looked for by what they inherited, over the same connection.
 */
function signalCommand(mark: string, signal: Signal): string {
  return `for pid in $(grep -lsz ${MARK}=${mark} /proc/[0-9]*/environ | cut -d/ -f3); do kill -s ${signal.slice(3)} "$pid" 2>/dev/null; done; true`;
}

/** Signals that came while `work` was under way; each is told to `onSignal`, and none ends this program. */
async function withSignals<T>(onSignal: (signal: Signal) => void, work: () => Promise<T>): Promise<T> {
  const listener = (signal: NodeJS.Signals): void => onSignal(signal as Signal);
  for (const name of SIGNALS) process.on(name, listener);
  try {
    return await work();
  } finally {
    for (const name of SIGNALS) process.off(name, listener);
  }
}

/**
 * Runs a shell command with this program's stdin, stdout and stderr. With a terminal, ssh makes one there of the same
 * size, and Ctrl-C is a key like any other. Signals that reach this program end the command.
 *
 * @throws EcsHostError `SSH_LOST` (outside) when the connection broke: the command's own 255 leaves it standing
 */
export async function handOver(
  master: ControlMaster,
  { command, isTerminal }: { readonly command: string; readonly isTerminal: boolean },
  runAside: (command: string) => Promise<unknown>,
): Promise<HandedOver> {
  const mark = randomUUID();
  const marked = isTerminal ? command : `export ${MARK}=${mark}; ${command}`;
  const child = spawn('ssh', master.call([isTerminal ? '-tt' : '-T'], [marked]), { stdio: 'inherit' });
  let stopped: Signal | null = null;
  let ending: Promise<unknown> = Promise.resolve();
  const onSignal = (signal: Signal): void => {
    stopped ??= signal;
    // It is first to be told: when ssh is gone, a command that writes no longer can.
    if (!isTerminal) ending = runAside(signalCommand(mark, signal)).catch(() => undefined);
    void ending.then(() => child.kill('SIGTERM'));
  };
  const [exitCode] = (await withSignals(onSignal, () => once(child, 'exit'))) as [number | null];
  await ending;
  if (stopped !== null) return { exitCode: 128 + constants.signals[stopped] };
  if (exitCode !== null && exitCode !== SSH_FAILED) return { exitCode };
  if ((await master.ask('check', [], 5000)).exitCode === 0) return { exitCode: SSH_FAILED };
  throw outsideError(
    'SSH_LOST',
    'The connection broke while a command had this terminal.',
    'what ran in a terminal there has ended; `tmux` or `nohup` on the host keeps work going',
  );
}
