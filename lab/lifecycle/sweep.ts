import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../exec.ts';
import { sweepLab } from '../machines/sweep.ts';
import type { LabPaths } from '../paths.ts';
import { endProcess } from './end-process.ts';
import { forgetProcesses, readProcesses, removeLabRecord } from './records.ts';

type LoopDevice = { readonly name: string; readonly 'back-file': string | null };

/**
 * Loop devices over files of this lab's disks folder. Autoclear ones of a dead machine are gone already; these were
 * stuck.
 */
async function loopsOf(folder: string): Promise<string[]> {
  const { loopdevices = [] } = JSON.parse((await run('losetup', ['--list', '--json'])) || '{}') as {
    loopdevices?: LoopDevice[];
  };
  return loopdevices.filter(({ 'back-file': file }) => file?.startsWith(`${folder}/`)).map(({ name }) => name);
}

/**
 * Removes what a killed lab left on this machine: processes by recorded number and start time, machines, the namespace,
 * loop devices over the lab's files, sockets, half-made copies. Images, snapshots and moto's memory stay.
 *
 * @returns one line for each thing that was removed
 */
export async function sweep(paths: LabPaths): Promise<readonly string[]> {
  const removed: string[] = [];
  // The daemon first, so that it cannot start anything again; then moto, which saves at SIGTERM; then the rest.
  for (const { what, ...identity } of await readProcesses(paths)) {
    const how = await endProcess(identity, what === 'daemon' ? 1000 : 5000);
    if (how !== 'was gone') removed.push(`${what} (process ${identity.pid}) ${how}`);
  }
  await forgetProcesses(paths);
  const { machines, hadNetwork } = await sweepLab(paths);
  removed.push(...machines.map((machine) => `machine ${machine}`));
  if (hadNetwork) removed.push('the network: namespace, links and routes');
  for (const loop of await loopsOf(paths.disks)) {
    await run('losetup', ['--detach', loop]);
    removed.push(`loop device ${loop}`);
  }
  for (const name of await readdir(paths.run)) {
    if (name.endsWith('.sock')) await rm(join(paths.run, name), { force: true });
  }
  await removeLabRecord(paths);
  return removed;
}
