import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { userError } from './errors.ts';

/** A program of this machine that a step cannot do without. */
export type Need = {
  readonly name: string;
  readonly what: string;
  readonly fix: string;
  /** Its path, or null. */
  readonly find: () => Promise<string | null>;
};

/** The first that can be run: in the given folders, then along PATH. @returns null when there is none */
export async function findProgram(name: string, folders: readonly string[] = []): Promise<string | null> {
  const inPath = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const folder of [...folders, ...inPath]) {
    const path = join(folder, name);
    const canRun = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (canRun) return path;
  }
  return null;
}

/** A program that set-up or the system's packages bring. */
export function inPath(name: string, what: string, fix = '`make setup` installs it'): Need {
  return { name, what, fix, find: () => findProgram(name) };
}

/**
 * Looks for all of them, before anything is made that they would be missed for.
 *
 * @throws EcsHostError `PROGRAMS_MISSING` (user) with every one that is not there
 */
export async function requirePrograms(needs: readonly Need[]): Promise<void> {
  const each = [...new Map(needs.map((need) => [need.name, need])).values()];
  const found = await Promise.all(each.map((need) => need.find()));
  const missing = each.filter((_, at) => found[at] === null);
  if (missing.length === 0) return;
  throw userError(
    'PROGRAMS_MISSING',
    `Not found on this machine: ${missing.map(({ name }) => name).join(', ')}.`,
    '`ecs-host doctor` shows everything that is needed',
    missing.map(({ name, what, fix }) => ({ key: name, reason: what, hint: fix })),
  );
}
