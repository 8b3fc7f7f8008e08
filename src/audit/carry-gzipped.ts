import { stat } from 'node:fs/promises';
import type { FilePart, RunOptions, Ssh } from '../host-access/ssh.ts';
import { allEnded } from '../io/all-ended.ts';

const UPLOAD_MS = 600_000;
/** Measured: docs/decisions/0208. */
const SESSIONS = 4;
const PIECE_BYTES = 2 * 1024 * 1024;

export type Carried = { readonly file: string; readonly to: string };
/** Runs a command that has to succeed. */
export type Must = (ssh: Ssh, command: string, options?: RunOptions) => Promise<unknown>;

function piecesOf(path: string, size: number): FilePart[] {
  return Array.from({ length: Math.ceil(size / PIECE_BYTES) }, (_, at) => {
    const start = at * PIECE_BYTES;
    return { path, start, end: Math.min(start + PIECE_BYTES, size) };
  });
}

/**
 * Brings a gzipped file to an instance and unpacks it there. Session Manager's plugin sends a kilobyte at a time and
 * sleeps a millisecond after each, so that a session carries less than a megabyte a second over whichever network:
 * there it goes in pieces over several. One that cannot be had makes it slower, and no more.
 */
export async function carryGzipped(ssh: Ssh, { file, to }: Carried, must: Must): Promise<void> {
  if (ssh.target.transport === 'ssh') {
    await must(ssh, `gunzip >${to}`, { inputFile: file, timeoutMs: UPLOAD_MS });
    return;
  }
  const pieces = piecesOf(file, (await stat(file)).size);
  const queue = pieces.entries();
  let hasFailed = false;
  const carry = async (over: Ssh): Promise<void> => {
    for (const [at, inputPart] of queue) {
      if (hasFailed) return;
      try {
        await must(over, `cat >${to}.${at}`, { inputPart, timeoutMs: UPLOAD_MS });
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
  await allEnded([carry(ssh), ...Array.from({ length: SESSIONS - 1 }, carryBeside)]);
  const names = pieces.map((_, at) => `${to}.${at}`).join(' ');
  await must(ssh, `cat ${names} | gunzip >${to} && rm ${names}`, { timeoutMs: UPLOAD_MS });
}
