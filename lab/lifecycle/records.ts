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
  /** The first process that keeps the lab up; null when only instances or nothing but `down` does. */
  readonly ownerPid: number | null;
  readonly startedAt: string;
  readonly netns: string;
};

function recordFile(paths: LabPaths): string {
  return join(paths.state, 'lab.json');
}
function processesFile(paths: LabPaths): string {
  return join(paths.run, 'processes.json');
}
export function logFile(paths: LabPaths): string {
  return join(paths.state, 'daemon.log');
}

export async function readLabRecord(paths: LabPaths): Promise<LabRecord | null> {
  try {
    const record = JSON.parse(await readFile(recordFile(paths), 'utf8')) as LabRecord;
    return record.version === 1 ? record : null;
  } catch {
    return null;
  }
}

export function writeLabRecord(paths: LabPaths, record: LabRecord): Promise<void> {
  return writeFileWhole(recordFile(paths), `${JSON.stringify(record, null, 2)}\n`);
}

export function removeLabRecord(paths: LabPaths): Promise<void> {
  return rm(recordFile(paths), { force: true });
}

/** The daemon of a record, when it is that very process and still runs. */
export async function livingDaemon(record: LabRecord | null): Promise<ProcessIdentity | null> {
  if (record === null) return null;
  const identity = { pid: record.pid, startTime: record.pidStartTime };
  return (await isAlive(identity)) ? identity : null;
}

export type RecordedProcess = ProcessIdentity & { readonly what: string };

/** Processes that the daemon started, and itself, so that a sweep after `kill -9` finds exactly those. */
export async function readProcesses(paths: LabPaths): Promise<readonly RecordedProcess[]> {
  try {
    return JSON.parse(await readFile(processesFile(paths), 'utf8')) as RecordedProcess[];
  } catch {
    return [];
  }
}

let writing: Promise<void> = Promise.resolve();

/** Adds a process to the record; only the daemon writes it. */
export function recordProcess(paths: LabPaths, what: string, pid: number | undefined): Promise<void> {
  writing = writing.then(async () => {
    const identity = pid === undefined ? null : await identify(pid);
    if (identity === null) return;
    const others = (await readProcesses(paths)).filter((known) => known.pid !== identity.pid);
    await writeFileWhole(processesFile(paths), `${JSON.stringify([...others, { ...identity, what }], null, 2)}\n`);
  });
  return writing;
}

export function forgetProcesses(paths: LabPaths): Promise<void> {
  return rm(processesFile(paths), { force: true });
}
