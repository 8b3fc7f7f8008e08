import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { UserProblem } from './problem.ts';

/** Every folder of one lab. All of its state stands below `state`; what can be made again below `cache`. */
export type LabPaths = {
  /** Eight hex digits that tell this lab's kernel objects from another's; fixed by the state folder's path. */
  readonly id: string;
  readonly state: string;
  readonly cache: string;
  /** Unix sockets, pids and other things that mean nothing after `down`. */
  readonly run: string;
  readonly disks: string;
  readonly machines: string;
  readonly git: string;
};

/**
 * Ours has to be absolute, as the daemon runs elsewhere; XDG's does not count otherwise, as its specification has
 * it.
 */
function fromEnvironment(own: string, xdg: string, fallback: readonly string[]): string {
  const named = process.env[own] ?? '';
  if (named !== '' && !isAbsolute(named)) throw new UserProblem(`${own} is "${named}", which is no absolute path.`);
  const base = process.env[xdg] ?? '';
  return named || join(isAbsolute(base) ? base : join(homedir(), ...fallback), 'ecs-host');
}

export async function labPaths(): Promise<LabPaths> {
  const state = join(fromEnvironment('ECS_HOST_STATE', 'XDG_STATE_HOME', ['.local', 'state']), 'lab');
  const cache = fromEnvironment('ECS_HOST_CACHE', 'XDG_CACHE_HOME', ['.cache']);
  await mkdir(state, { recursive: true });
  await mkdir(cache, { recursive: true });
  const real = realpathSync(state);
  const paths: LabPaths = {
    id: createHash('sha256').update(real).digest('hex').slice(0, 8),
    state: real,
    cache: realpathSync(cache),
    run: join(real, 'run'),
    disks: join(real, 'disks'),
    machines: join(real, 'machines'),
    git: join(real, 'git'),
  };
  for (const folder of [paths.run, paths.disks, paths.machines, paths.git]) {
    await mkdir(folder, { recursive: true });
  }
  return paths;
}
