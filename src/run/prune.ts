import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { reasonOf } from '#contracts/reason.ts';
import { imagesFolder, runFolder, runsFolder } from '../io/paths.ts';
import type { Reporter } from '../io/reporter.ts';
import { isAlive, leftoverChildren, readOwner } from './owner.ts';
import { startOf } from './run-id.ts';

/** A run's folder, as the selection sees it. */
export type StoredRun = {
  readonly runId: string;
  /** Its process, or one that it started, still runs here. */
  readonly isAlive: boolean;
  /** The record of an image names it: its plan proves the image again, its evidence says why it failed. */
  readonly isNamed: boolean;
  /** It holds more than the mark of its owner: logs, a template, a journal. */
  readonly hasEvidence: boolean;
};

const HOUR_MS = 60 * 60_000;
/**
 * A younger one may be at work without having said so: `plan` and `render` make nothing that they would have to
 * own.
 */
export const KEEP_ANY_MS = 6 * HOUR_MS;
/** How long logs of a run that came to nothing are kept for whoever looks into it. */
export const KEEP_EVIDENCE_MS = 14 * 24 * HOUR_MS;
/** Of those, how many at most: a bake that fails every few minutes fills no disk. */
export const KEEP_EVIDENCE_COUNT = 20;

/** Pure: the runs whose folders nobody needs any more, oldest first. */
export function selectPrunable(runs: readonly StoredRun[], now: number): string[] {
  const over = runs
    .filter((run) => !run.isAlive && !run.isNamed)
    .map((run) => ({ ...run, ageMs: now - (startOf(run.runId)?.getTime() ?? 0) }))
    .filter(({ ageMs }) => ageMs > KEEP_ANY_MS)
    .toSorted((a, b) => a.ageMs - b.ageMs);
  const kept = new Set(
    over.filter(({ hasEvidence, ageMs }) => hasEvidence && ageMs <= KEEP_EVIDENCE_MS).slice(0, KEEP_EVIDENCE_COUNT),
  );
  return over
    .filter((run) => !kept.has(run))
    .map(({ runId }) => runId)
    .toReversed();
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
}

/**
 * Every run id in every record, read as text: a record that is damaged, or of another version, still keeps its
 * runs.
 */
async function namedRuns(): Promise<Set<string>> {
  // What is beside a record names no run that the record does not, and is ten times as long.
  const names = (await namesIn(imagesFolder())).filter((name) => /^[^.]+\.json$/.test(name));
  const texts = await Promise.all(names.map((name) => readFile(join(imagesFolder(), name), 'utf8').catch(() => '')));
  return new Set(texts.flatMap((text) => text.match(/\br-\d{14}-[0-9a-z]{6}\b/g) ?? []));
}

async function storedRuns(): Promise<StoredRun[]> {
  const named = await namedRuns();
  const runIds = (await namesIn(runsFolder())).filter((name) => startOf(name) !== null);
  return Promise.all(
    runIds.map(async (runId) => {
      const owner = await readOwner(runId);
      const entries = await namesIn(runFolder(runId));
      return {
        runId,
        isAlive: owner !== null && (isAlive(owner) || leftoverChildren(owner).length > 0),
        isNamed: named.has(runId),
        hasEvidence: entries.some((name) => name !== 'owner.json'),
      };
    }),
  );
}

/**
 * Removes the folders of runs that are over and that nothing needs.
 *
 * @returns their run ids; with `dryRun` those that would be removed
 */
export async function pruneRuns(options: {
  readonly reporter: Reporter;
  readonly dryRun?: boolean;
}): Promise<string[]> {
  const runIds = selectPrunable(await storedRuns(), Date.now());
  if (options.dryRun === true) return runIds;
  const removed: string[] = [];
  for (const runId of runIds) {
    try {
      await rm(runFolder(runId), { recursive: true, force: true });
      removed.push(runId);
    } catch (error) {
      const text = `The folder of run ${runId} could not be removed: ${reasonOf(error)}`;
      options.reporter.emit({ type: 'warning', code: 'RUN_NOT_PRUNED', text });
    }
  }
  if (removed.length > 0) {
    const text = `Removed the folders of ${removed.length === 1 ? 'an old run' : `${removed.length} old runs`}.`;
    options.reporter.emit({ type: 'note', code: 'RUNS_PRUNED', text });
  }
  return removed;
}
