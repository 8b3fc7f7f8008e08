import { chmod, mkdir, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { optionPath } from '../host-access/ssh-options.ts';
import { writeWhole } from '../io/write-whole.ts';
import type { DevHost } from './dev-host.ts';
import { aliasOf, type Place, withBlocks, withInclude } from './ssh-config.ts';

export type Installed = {
  /** All of the user's in this place, and those of them that are to be reached by a name. */
  readonly living: readonly DevHost[];
  readonly chosen: readonly DevHost[];
  readonly place: Place;
};

async function readIfThere(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
}

/** Writes what changed, with the mode that it had; a link to a file elsewhere stays one. @returns whether it changed */
async function change(file: string, to: (text: string) => string): Promise<boolean> {
  const place = await realpath(file).catch(() => file);
  const before = await readIfThere(place);
  const after = to(before);
  if (after === before) return false;
  const mode = await stat(place).then(
    (about) => about.mode & 0o777,
    () => 0o600,
  );
  await writeWhole(place, after, mode);
  return true;
}

function files(folder: string): { readonly ours: string; readonly theirs: string; readonly line: string } {
  const ours = join(folder, 'ecs-host.config');
  return { ours, theirs: join(folder, 'config'), line: `Include ${optionPath(ours)}` };
}

/** What would be written, as a question. */
export async function installQuestion(folder: string): Promise<string> {
  const { ours, theirs, line } = files(folder);
  const text = await readIfThere(theirs);
  return `Write ${ours}${withInclude(text, line) === text ? '' : `, and \`${line}\` at the top of ${theirs}`}?`;
}

/** Makes `ssh ecs-host-NAME` work for the user whose `.ssh` it is. The second time nothing changes. */
export async function installSshConfig(folder: string, { living, chosen, place }: Installed): Promise<string[]> {
  const { ours, theirs, line } = files(folder);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const isNew = await change(ours, (text) => withBlocks(text, chosen, { living, place }));
  await chmod(ours, 0o600);
  const isAdded = await change(theirs, (text) => withInclude(text, line));
  return [
    `${isNew ? 'written  ' : 'unchanged'} ${ours}`,
    ...(isAdded ? [`included  in ${theirs}`] : []),
    ...chosen.map((host) => `reach it  ssh ${aliasOf(host)}`),
  ];
}
