/**
 * The tests, and what they start, have a temporary folder of their own. It must be empty at the end: what is there, a
 * test or the product forgot. It is then shown and not removed; it may hold the state of a lab that is still up.
 */
import { mkdtemp, readdir, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Node's own cache of compiled code: the command line is started so often that compiling it anew is half of that. */
const COMPILED = 'node-compile-cache';

export async function setup(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'ecs-host-'));
  process.env['TMPDIR'] = folder;
  process.env['NODE_COMPILE_CACHE'] = join(folder, COMPILED);
  return async () => {
    await rm(join(folder, COMPILED), { recursive: true, force: true });
    const left = await readdir(folder);
    if (left.length === 0) return rmdir(folder);
    console.error(`the tests left in ${folder}: ${left.sort().join(' ')}`);
    process.exitCode = 1;
  };
}
