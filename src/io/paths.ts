import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { userError } from './errors.ts';

/** The checkout that this program runs from. */
export function projectFolder(): string {
  return dirname(dirname(dirname(fileURLToPath(import.meta.url))));
}

/**
 * A folder by our own variable, else below XDG's, else below the home. The lab runs elsewhere than the command that
 * starts it, so a path that depends on where one stands would be two folders: ours is refused then, and XDG's does not
 * count, as its specification has it.
 */
function folderBy(own: string, xdg: string, fallback: readonly string[]): string {
  const named = process.env[own] ?? '';
  if (named !== '' && !isAbsolute(named))
    throw userError('FOLDER_RELATIVE', `${own} is "${named}", which is no absolute path.`, `write ${resolve(named)}`);
  if (named !== '') return named;
  const base = process.env[xdg] ?? '';
  return join(isAbsolute(base) ? base : join(homedir(), ...fallback), 'ecs-host');
}

/** Downloads and builds that can be made again: toolchain, virtual environment, mirrored packages. */
export function cacheFolder(): string {
  return folderBy('ECS_HOST_CACHE', 'XDG_CACHE_HOME', ['.cache']);
}

/** What this program remembers: image records, runs, and the lab's images. */
export function stateFolder(): string {
  return folderBy('ECS_HOST_STATE', 'XDG_STATE_HOME', ['.local', 'state']);
}

export function runsFolder(): string {
  return join(stateFolder(), 'runs');
}

/** plan.json, template, bundles, Packer's log and evidence of one run. */
export function runFolder(runId: string): string {
  return join(runsFolder(), runId);
}

/** What the image will carry, while it is built and packed; made again whenever it is needed. */
export function bundleFolder(runId: string): string {
  return join(runFolder(runId), 'bundle');
}

/** The keys of a run's instances. */
export function keyFolder(runId: string): string {
  return join(runFolder(runId), 'ssh');
}

export function imagesFolder(): string {
  return join(stateFolder(), 'images');
}

/** Releases that are under way, and the last of those that were finished. */
export function releasesFolder(): string {
  return join(stateFolder(), 'releases');
}
