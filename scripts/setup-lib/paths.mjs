import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SetupError } from './errors.mjs';

/** The checkout that this script runs from. */
export function projectFolder() {
  return dirname(dirname(dirname(fileURLToPath(import.meta.url))));
}

/**
 * Where set-up keeps what it downloads and builds.
 *
 * @param {NodeJS.ProcessEnv} [env]
 */
export function cacheFolder(env = process.env) {
  const named = env['ECS_HOST_CACHE'] ?? '';
  if (named !== '' && !isAbsolute(named))
    throw new SetupError('user', `ECS_HOST_CACHE is "${named}", which is no absolute path`);
  const base = env['XDG_CACHE_HOME'] ?? '';
  return named || join(isAbsolute(base) ? base : join(homedir(), '.cache'), 'ecs-host');
}
