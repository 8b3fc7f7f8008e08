import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout that this program runs from. */
export function projectFolder(): string {
  return dirname(dirname(dirname(fileURLToPath(import.meta.url))));
}

/** Downloads and builds that can be made again: toolchain, virtual environment, mirrored packages. */
export function cacheFolder(): string {
  return process.env['ECS_HOST_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'ecs-host');
}

/** What this program remembers: image records, runs, and the lab's images. */
export function stateFolder(): string {
  return (
    process.env['ECS_HOST_STATE'] ??
    join(process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'), 'ecs-host')
  );
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

export function imagesFolder(): string {
  return join(stateFolder(), 'images');
}
