import { stat } from 'node:fs/promises';
import { allEnded } from '../io/all-ended.ts';
import type { FilePart, RunOptions, Ssh } from './ssh.ts';

const LIMIT_MS = 900_000;
/** Measured: docs/decisions/0208. */
const SESSIONS = 4;
const PIECE_BYTES = 2 * 1024 * 1024;

/** A file of this machine, and the shell command there that takes it from its input. */
export type Carried = {
  readonly file: string;
  readonly command: string;
  /** What the paths of its pieces begin with there. */
  readonly pieces: string;
};
/** Runs a command that has to succeed. */
export type Must = (ssh: Ssh, command: string, options?: RunOptions) => Promise<unknown>;

function piecesOf(path: string, size: number): FilePart[] {
  return Array.from({ length: Math.ceil(size / PIECE_BYTES) }, (_, at) => {
    const start = at * PIECE_BYTES;
    return { path, start, end: Math.min(start + PIECE_BYTES, size) };
  });
}

/**
 * Brings a file to an instance. Session Manager's plugin sends a kilobyte at a time and sleeps a millisecond after
 * each, so that a session carries less than a megabyte a second over whichever network: a large file goes in pieces
 * over several. One that cannot be had makes it slower, and no more.
 */
export async function carryFile(ssh: Ssh, { file, command, pieces }: Carried, must: Must): Promise<void> {
  const parts = piecesOf(file, (await stat(file)).size);
  if (ssh.target.transport === 'ssh' || parts.length === 1) {
    await must(ssh, command, { inputFile: file, timeoutMs: LIMIT_MS });
    return;
  }
  const queue = parts.entries();
  let hasFailed = false;
  const carry = async (over: Ssh): Promise<void> => {
    for (const [at, inputPart] of queue) {
      if (hasFailed) return;
      try {
        await must(over, `cat >${pieces}.${at}`, { inputPart, timeoutMs: LIMIT_MS });
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  const carryBeside = async (): Promise<void> => {
    await using another = await ssh.another().catch(() => null);
    if (another !== null) await carry(another);
  };
  const beside = Math.min(SESSIONS, parts.length) - 1;
  await allEnded([carry(ssh), ...Array.from({ length: beside }, carryBeside)]);
  const names = parts.map((_, at) => `${pieces}.${at}`).join(' ');
  await must(ssh, `cat ${names} | ${command} && rm ${names}`, { timeoutMs: LIMIT_MS });
}
