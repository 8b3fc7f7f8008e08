import { execa } from 'execa';
import { outsideError } from '../../io/errors.ts';
import { inPath } from '../../io/programs.ts';
import type { BytePath, SideName } from './entry.ts';
import { pathList, type Side } from './side.ts';

export const RSYNC = inPath('rsync', 'carries files to a dev host and back');

/** How rsync gets there; null when both sides are on this machine (in tests). */
export type Way = { readonly shell: readonly string[]; readonly destination: string } | null;

/** Pure: rsync splits `-e` at blanks, knows quotes, and takes a doubled one for itself. */
export function shellOption(words: readonly string[]): string {
  return words.map((word) => (/^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "''")}'`)).join(' ');
}

/** Pure: files that are named are carried whatever their size and time; each is put in place whole. */
export function rsyncWords(from: Side, to: Side, way: Way): string[] {
  const at = (side: Side): string => (way !== null && side.name === 'there' ? `${way.destination}:` : '') + side.root;
  return [
    '--files-from=-',
    '--from0',
    '--secluded-args',
    '--ignore-times',
    '--links',
    '--times',
    '--omit-dir-times',
    '--executability',
    '--compress',
    `--temp-dir=${to.workFolder}`,
    `--partial-dir=${to.workFolder}`,
    '--backup',
    `--backup-dir=${to.workFolder}/replaced`,
    ...(way === null ? [] : ['-e', shellOption(way.shell)]),
    `${at(from)}/`,
    `${at(to)}/`,
  ];
}

/** Some files were not carried (23), or vanished (24): a look at the result says which. */
const IN_PART = [23, 24];
/** The stream to the other side broke; ssh's own is 255. */
const BROKEN = [10, 12, 30, 35, 255];

/**
 * Carries files, links and folders.
 *
 * @returns what rsync complained of
 * @throws EcsHostError (outside) `SSH_LOST`, `SYNC_FAILED`
 */
export async function carry(
  paths: readonly BytePath[],
  { from, to, way }: { readonly from: Side; readonly to: Side; readonly way: Way },
  signal: AbortSignal,
): Promise<string> {
  const { exitCode, stderr } = await execa('rsync', rsyncWords(from, to, way), {
    input: Buffer.from(pathList(paths), 'latin1'),
    env: { LC_ALL: 'C' },
    stdout: 'ignore',
    reject: false,
    cancelSignal: signal,
    forceKillAfterDelay: 2000,
  });
  signal.throwIfAborted();
  if (exitCode === 0) return '';
  if (exitCode !== undefined && IN_PART.includes(exitCode)) return stderr;
  const where: SideName = to.name;
  if (way !== null && exitCode !== undefined && BROKEN.includes(exitCode))
    throw outsideError('SSH_LOST', `The connection broke while files were carried ${where}.`, undefined, stderr);
  throw outsideError('SYNC_FAILED', `rsync could not carry files ${where} (exit code ${exitCode}).`, undefined, stderr);
}
