import { glob } from 'node:fs/promises';
import { join } from 'node:path';
import { userError } from '../io/errors.ts';
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

/** @throws EcsHostError `FFMPEG_MISSING` (user) */
export async function needFfmpeg(): Promise<string> {
  const found = await findFfmpeg();
  if (found !== null) return found;
  throw userError('FFMPEG_MISSING', 'No ffmpeg was found to decode the stream with.', 'run `make setup`');
}

/** Options that take H.264 from stdin and hold no picture back to learn more of the stream. */
// biome-ignore format: one option a line says less.
export const FROM_STREAM = [
  '-hide_banner', '-loglevel', 'error', '-probesize', '32', '-analyzeduration', '0', '-fflags', 'nobuffer', '-flags', 'low_delay', '-f', 'h264', '-i', 'pipe:0',
] as const;
