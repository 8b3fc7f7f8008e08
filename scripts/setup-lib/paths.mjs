import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout that this script runs from. */
export const projectFolder = () => dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * Where set-up keeps what it downloads and builds.
 *
 * @param {NodeJS.ProcessEnv} [env]
 */
export const cacheFolder = (env = process.env) =>
  env['ECS_HOST_CACHE'] ?? join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'ecs-host');
