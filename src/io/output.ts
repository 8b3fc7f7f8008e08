import { type EcsHostError, userError } from './errors.ts';

/**
 * What was written reaches its reader before the process ends, whatever its size and wherever it goes: a pipe takes 64
 * KiB at a time, and `process.exit` throws away what still waits. A reader that went away (`| head`) ends the reading,
 * not the work and its cleaning up.
 */
const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left on it',
  EIO: 'the device failed',
  EBADF: 'it is not open for writing',
  EDQUOT: 'the quota is used up',
  EFBIG: 'the file would become too large',
};

let failure: NodeJS.ErrnoException | null = null;

/** Keeps an error of stdout for the end of the program. One of stderr has nowhere to be said. */
export function watchOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') failure ??= error;
  });
  process.stderr.on('error', () => {});
}

/** Why stdout does not hold the whole result, or null when it does (or when its reader went away). */
export function outputProblem(): EcsHostError | null {
  if (failure === null) return null;
  const reason = REASONS[failure.code ?? ''] ?? failure.code ?? failure.message;
  return userError(
    'OUTPUT_UNWRITABLE',
    `The result could not be written to stdout: ${reason}.`,
    'the verb itself has ended; write to another place and run it again',
  );
}

function drained(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    // The callback of a write comes when all before it was taken, or with the error that ended the stream.
    if (stream.destroyed || stream.writableEnded) resolve();
    else stream.write('', () => resolve());
  });
}

/** Resolves when stdout and stderr have handed on everything that was written to them. */
export async function drainOutput(): Promise<void> {
  await Promise.all([drained(process.stdout), drained(process.stderr)]);
}

/** The same, but a reader that does not read cannot hold the end up: for whoever pressed Ctrl-C three times. */
export function drainThenExit(code: number, patienceMs = 1000): void {
  setTimeout(() => process.exit(code), patienceMs);
  // Never rejects: what could not be written is drained, too.
  void drainOutput().then(() => process.exit(code));
}
