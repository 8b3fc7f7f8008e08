import { readFileSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LabPaths } from '../paths.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { identify, isAlive } from './process-identity.ts';

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

const writeAtomically = async (file: string, content: string): Promise<void> => {
  const temporary = `${file}.${process.pid}.tmp`;
  await writeFile(temporary, content, { mode: 0o644 });
  await rename(temporary, file);
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
  writeAtomically(recordFile(paths), `${JSON.stringify(record, null, 2)}\n`);

export const removeLabRecord = (paths: LabPaths): Promise<void> => rm(recordFile(paths), { force: true });

/** The daemon of a record, when it is that very process and still runs. */
export const livingDaemon = (record: LabRecord | null): ProcessIdentity | null => {
  if (record === null) return null;
  const identity = { pid: record.pid, startTime: record.pidStartTime };
  return isAlive(identity) ? identity : null;
};

export type RecordedProcess = ProcessIdentity & { readonly what: string };

/** Processes that the daemon started, so that a sweep after `kill -9` finds exactly those. */
export const readProcesses = (paths: LabPaths): readonly RecordedProcess[] => {
  try {
    return JSON.parse(readFileSync(processesFile(paths), 'utf8')) as RecordedProcess[];
  } catch {
    return [];
  }
};

let writing: Promise<void> = Promise.resolve();

/** Adds a process to the record; only the daemon writes it. */
export const recordProcess = (paths: LabPaths, what: string, pid: number | undefined): Promise<void> => {
  const identity = pid === undefined ? null : identify(pid);
  if (identity === null) return Promise.resolve();
  writing = writing.then(() => {
    const others = readProcesses(paths).filter((known) => known.pid !== identity.pid && isAlive(known));
    return writeAtomically(processesFile(paths), `${JSON.stringify([...others, { ...identity, what }], null, 2)}\n`);
  });
  return writing;
};

export const forgetProcesses = (paths: LabPaths): Promise<void> => rm(processesFile(paths), { force: true });
