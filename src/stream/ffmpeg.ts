import { glob } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../io/paths.ts';
import { findProgram, type Need } from '../io/programs.ts';

const IN_VENV = join('venv', 'lib', 'python*', 'site-packages', 'imageio_ffmpeg', 'binaries', 'ffmpeg-linux*');

/** ffmpeg of the project's virtual environment (package imageio-ffmpeg), else the machine's, else null. */
export async function findFfmpeg(): Promise<string | null> {
  for await (const found of glob(join(cacheFolder(), IN_VENV))) return found;
  return findProgram('ffmpeg');
}

export const FFMPEG: Need = {
  name: 'ffmpeg',
  what: 'decodes the stream of the workload',
  fix: 'run `make setup`',
  find: findFfmpeg,
};
