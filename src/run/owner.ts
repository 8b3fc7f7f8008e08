import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { userError } from '../io/errors.ts';
import { runFolder } from '../io/paths.ts';
import { writeWhole } from '../io/write-whole.ts';

export type ProcessId = {
  readonly pid: number;
  /** Field 22 of /proc/<pid>/stat: with the boot id it tells a process from a later one with the same number. */
  readonly startTime: string;
};

/** runs/<runId>/owner.json: who works on a run, so that others can tell whether it is alive. */
export type OwnerFile = {
  readonly version: 1;
  readonly runId: string;
  readonly owner: string;
  readonly bootId: string;
  readonly process: ProcessId;
  /** Process group leaders that this run started and that may outlive it (packer). */
  readonly children: readonly ProcessId[];
  readonly startedAt: string;
  /** What the run finished (an image with its snapshots, a dev host): the API may not show yet that it is that. */
  readonly finished?: readonly string[];
  /** What the run made stays for a person to look at; only `ecs-host sweep` removes it. */
  readonly isKept?: boolean;
};

/** As EC2 takes a tag's value, and not longer than anybody reads. */
const RUNNER = /^[\w .:/=+@-]{1,100}$/;

/**
 * `user@host`, the value of the tag that says so (tags.ts). Machines that are new each time (runners of CI) have a name
 * in common, by which a later one knows what a lost one left.
 */
export function ownerName(): string {
  const runner = process.env['ECS_HOST_RUNNER'] ?? '';
  if (runner === '') return `${userInfo().username}@${hostname()}`;
  if (RUNNER.test(runner)) return runner;
  throw userError(
    'RUNNER_NAME',
    `ECS_HOST_RUNNER is "${runner}", which cannot be the value of a tag.`,
    'at most 100 letters, digits, blanks and _ . : / = + - @, such as nightly@octo-org/hosts',
  );
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** @returns null when there is no such process, or only its unreaped remains. */
export function processStart(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name is in parentheses and may hold spaces and parentheses itself.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}

function ownerPath(runId: string): string {
  return join(runFolder(runId), 'owner.json');
}

async function write(owner: OwnerFile): Promise<void> {
  await writeWhole(ownerPath(owner.runId), `${JSON.stringify(owner, null, 2)}\n`);
}

/** Marks the run as this process's work. Call before the first resource is made; calling again changes nothing. */
export async function claimRun(runId: string): Promise<void> {
  const existing = await readOwner(runId);
  if (existing && isSameProcess(existing.process) && existing.process.pid === process.pid) return;
  await write({
    version: 1,
    runId,
    owner: ownerName(),
    bootId: bootId(),
    process: { pid: process.pid, startTime: processStart(process.pid) ?? '' },
    children: [],
    startedAt: new Date().toISOString(),
  });
}

/** Adds a process that must be stopped before what the run left can be removed. */
export async function addChild(runId: string, pid: number): Promise<void> {
  const owner = await readOwner(runId);
  const startTime = processStart(pid);
  if (owner && startTime !== null) await write({ ...owner, children: [...owner.children, { pid, startTime }] });
}

/** From now on what the run made stays when its process ends, until a person has it swept. */
export async function markKept(runId: string): Promise<void> {
  const owner = await readOwner(runId);
  if (owner) await write({ ...owner, isKept: true });
}

/** From now on no sweep takes these for leftovers, whatever the API shows. */
export async function markFinished(runId: string, ids: readonly string[]): Promise<void> {
  const owner = await readOwner(runId);
  if (owner) await write({ ...owner, finished: ids });
}

/** @returns null when there is no readable owner file. */
export async function readOwner(runId: string): Promise<OwnerFile | null> {
  try {
    const owner = JSON.parse(await readFile(ownerPath(runId), 'utf8')) as OwnerFile;
    return owner.version === 1 && owner.runId === runId ? owner : null;
  } catch {
    return null;
  }
}

function isSameProcess(id: ProcessId): boolean {
  return processStart(id.pid) === id.startTime;
}

/** Whether the process that claimed the run still runs on this machine, in this boot. */
export function isAlive(owner: OwnerFile): boolean {
  return owner.bootId === bootId() && isSameProcess(owner.process);
}

/** Processes of a dead run that are still at work. */
export function leftoverChildren(owner: OwnerFile): readonly ProcessId[] {
  return owner.bootId === bootId() ? owner.children.filter(isSameProcess) : [];
}
