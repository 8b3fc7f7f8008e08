import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { LabPaths } from '../paths.ts';
import type { ProcessIdentity } from '../process-identity.ts';
import { identify, isAlive } from '../process-identity.ts';
import { writeFileWhole } from '../write-file.ts';

/** `<state>/lab/lab.json`: there while the lab is up, and after a crash until the next `up` or `down`. */
export type LabRecord = {
  readonly version: 1;
  readonly pid: number;
  readonly pidStartTime: string;
  readonly endpoint: string;
  /** The process whose end brings the lab down; null when only `down` does. */
  readonly ownerPid: number | null;
  readonly startedAt: string;
  readonly netns: string;
};

const recordFile = (paths: LabPaths): string => join(paths.state, 'lab.json');
const processesFile = (paths: LabPaths): string => join(paths.run, 'processes.json');
export const logFile = (paths: LabPaths): string => join(paths.state, 'daemon.log');

export const readLabRecord = async (paths: LabPaths): Promise<LabRecord | null> => {
  try {
    const record = JSON.parse(await readFile(recordFile(paths), 'utf8')) as LabRecord;
    return record.version === 1 ? record : null;
  } catch {
    return null;
  }
};

export const writeLabRecord = (paths: LabPaths, record: LabRecord): Promise<void> =>
  writeFileWhole(recordFile(paths), `${JSON.stringify(record, null, 2)}\n`);

export const removeLabRecord = (paths: LabPaths): Promise<void> => rm(recordFile(paths), { force: true });

/** The daemon of a record, when it is that very process and still runs. */
export const livingDaemon = async (record: LabRecord | null): Promise<ProcessIdentity | null> => {
  if (record === null) return null;
  const identity = { pid: record.pid, startTime: record.pidStartTime };
  return (await isAlive(identity)) ? identity : null;
};

export type RecordedProcess = ProcessIdentity & { readonly what: string };

/** Processes that the daemon started, and itself, so that a sweep after `kill -9` finds exactly those. */
export const readProcesses = async (paths: LabPaths): Promise<readonly RecordedProcess[]> => {
  try {
    return JSON.parse(await readFile(processesFile(paths), 'utf8')) as RecordedProcess[];
  } catch {
    return [];
  }
};

let writing: Promise<void> = Promise.resolve();

/** Adds a process to the record; only the daemon writes it. */
export const recordProcess = (paths: LabPaths, what: string, pid: number | undefined): Promise<void> => {
  writing = writing.then(async () => {
    const identity = pid === undefined ? null : await identify(pid);
    if (identity === null) return;
    const others = (await readProcesses(paths)).filter((known) => known.pid !== identity.pid);
    await writeFileWhole(processesFile(paths), `${JSON.stringify([...others, { ...identity, what }], null, 2)}\n`);
  });
  return writing;
};

export const forgetProcesses = (paths: LabPaths): Promise<void> => rm(processesFile(paths), { force: true });
