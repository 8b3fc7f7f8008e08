import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { LabPaths } from '../paths.ts';
import { isAlive, type ProcessIdentity } from '../process-identity.ts';
import { writeFileWhole } from '../write-file.ts';
import { machineName } from './nspawn.ts';

/** <state>/lab/machines/<instance id>/record.json: what a later process needs to find the machine's supervisor. */
export type MachineRecord = { readonly version: 1; readonly instanceId: string; readonly supervisor: ProcessIdentity };

const FILE = 'record.json';

export function machineFolder(paths: LabPaths, instanceId: string): string {
  return join(paths.machines, instanceId);
}

/** What a machine with GPUs has at /sys/bus/pci/devices. */
export function gpuFolder(paths: LabPaths, instanceId: string): string {
  return join(machineFolder(paths, instanceId), 'gpus');
}

export function consoleFile(paths: LabPaths, instanceId: string): string {
  return join(paths.machines, 'console', `${instanceId}.log`);
}

export async function writeRecord(paths: LabPaths, record: MachineRecord): Promise<void> {
  const folder = machineFolder(paths, record.instanceId);
  await mkdir(folder, { recursive: true });
  await writeFileWhole(join(folder, FILE), `${JSON.stringify(record)}\n`);
}

export function removeMachineFolder(paths: LabPaths, instanceId: string): Promise<void> {
  return rm(machineFolder(paths, instanceId), { recursive: true, force: true });
}

/** nspawn's folder for mounts into a running machine, which it leaves when it is killed. */
export function removeNspawnFolder(labId: string, instanceId: string): Promise<void> {
  return rm(join('/run/systemd/nspawn/propagate', machineName(labId, instanceId)), { recursive: true, force: true });
}

/** Ids of every machine that has a folder; the record of each is null where it is missing or unreadable. */
export async function readRecords(paths: LabPaths): Promise<ReadonlyMap<string, MachineRecord | null>> {
  const records = new Map<string, MachineRecord | null>();
  for (const entry of await readdir(paths.machines, { withFileTypes: true }).catch(() => [])) {
    if (!entry.isDirectory() || !entry.name.startsWith('i-')) continue;
    let record: MachineRecord | null = null;
    try {
      const read = JSON.parse(await readFile(join(paths.machines, entry.name, FILE), 'utf8')) as MachineRecord;
      if (read.version === 1) record = read;
    } catch {
      // A crash before the first record; the machine's control group still names it.
    }
    records.set(entry.name, record);
  }
  return records;
}

/**
 * Whether the recorded process is still the machine's supervisor: same number, same start, and this machine's name in
 * its command.
 */
export async function supervisorRuns(labId: string, { instanceId, supervisor }: MachineRecord): Promise<boolean> {
  if (!(await isAlive(supervisor))) return false;
  const command = await readFile(`/proc/${supervisor.pid}/cmdline`, 'latin1').catch(() => '');
  const name = machineName(labId, instanceId);
  // As nspawn has it, and as QEMU has it.
  return command.split('\0').some((argument) => argument === `--machine=${name}` || argument === name);
}
