import { stat } from 'node:fs/promises';
import { sideBySide } from '../io/side-by-side.ts';
import type { FilePart, RunOptions, Ssh } from './ssh.ts';

const LIMIT_MS = 900_000;
/** Measured: docs/decisions/0210. */
export const CARRYING_SESSIONS = 6;
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

type Piece = { readonly inputPart: FilePart; readonly path: string };

function piecesOf({ file, pieces }: Carried, size: number): Piece[] {
  return Array.from({ length: Math.ceil(size / PIECE_BYTES) }, (_, at) => {
    const start = at * PIECE_BYTES;
    const inputPart = { path: file, start, end: Math.min(start + PIECE_BYTES, size) };
    return { inputPart, path: `${pieces}.${at}` };
  });
}

/**
 * Brings a file to an instance. Session Manager's plugin sends a kilobyte at a time and sleeps a millisecond after
 * each, so that a session carries less than a megabyte a second over whichever network: a large file goes in pieces
 * over several. One that cannot be had makes it slower, and no more.
 */
export async function carryFile(ssh: Ssh, carried: Carried, must: Must): Promise<void> {
  const { file, command } = carried;
  const pieces = piecesOf(carried, (await stat(file)).size);
  if (ssh.target.transport === 'ssh' || pieces.length === 1) {
    await must(ssh, command, { inputFile: file, timeoutMs: LIMIT_MS });
    return;
  }
  await using others = new AsyncDisposableStack();
  const another = (): Promise<Ssh> =>
    ssh.another().then(
      (session) => others.use(session),
      () => ssh,
    );
  const sessions: Promise<Ssh>[] = [Promise.resolve(ssh)];
  await sideBySide(pieces, CARRYING_SESSIONS, async ({ inputPart, path }, worker) => {
    sessions[worker] ??= another();
    await must(await sessions[worker], `cat >${path}`, { inputPart, timeoutMs: LIMIT_MS });
  });
  const paths = pieces.map(({ path }) => path).join(' ');
  await must(ssh, `cat ${paths} | ${command} && rm ${paths}`, { timeoutMs: LIMIT_MS });
}
