import { removePartialDisks } from '../disks/disks.ts';
import { destroyNetwork } from '../net/network.ts';
import type { LabPaths } from '../paths.ts';
import { machinesWithControlGroups, removeLabControlGroups } from './control-groups.ts';
import { detachLoopDevices } from './loop-devices.ts';
import { readRecords, removeMachineFolder, removeNspawnFolder, supervisorRuns } from './records.ts';

/**
 * Ends what a killed daemon left of this lab: machines (found by record and by the name of their control group), their
 * control groups, loop devices, the namespace with all links and rules, half-made disks. Touches nothing that neither a
 * record nor a name proves to be this lab's. To be called while no daemon of this lab runs: before createNetwork, and
 * by `down`.
 */
export async function sweepLab(
  paths: LabPaths,
): Promise<{ readonly machines: readonly string[]; readonly hadNetwork: boolean }> {
  const records = await readRecords(paths);
  const machines = new Set(await machinesWithControlGroups(paths.id));
  for (const [instanceId, record] of records) {
    if (record !== null && (await supervisorRuns(paths.id, record))) {
      machines.add(instanceId);
      try {
        process.kill(record.supervisor.pid, 'SIGKILL');
      } catch {
        // It ended meanwhile.
      }
    }
  }
  await removeLabControlGroups(paths.id);
  await detachLoopDevices(paths.disks);
  const hadNetwork = await destroyNetwork(paths.id);
  for (const instanceId of machines) await removeNspawnFolder(paths.id, instanceId);
  for (const instanceId of records.keys()) await removeMachineFolder(paths, instanceId);
  await removePartialDisks(paths.disks);
  return { machines: [...machines].sort(), hadNetwork };
}
