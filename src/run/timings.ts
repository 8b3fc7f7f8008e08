import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { stateFolder } from '../io/paths.ts';
import { writeWhole } from '../io/write-whole.ts';

/**
 * How long the steps of earlier runs took on this machine, so that a terminal can say what to expect. Only a help for
 * the eye: whatever is wrong with the file, nothing is expected, and the next run writes it anew.
 */
export type Timings = ReadonlyMap<string, readonly number[]>;

/** The last of a step: one slow day does not move the middle. */
const KEPT = 5;
/** All steps of all verbs; those that ran longest ago go first. Some 100 bytes each. */
const MOST_STEPS = 500;
const MOST_BYTES = 1024 * 1024;
const LONGEST_NAME = 300;
/** A step that never took longer than this is not worth its line in the file. */
const WORTH_KEEPING_MS = 500;

export type Sample = { readonly step: string; readonly durationMs: number };

function timingsFile(): string {
  return join(stateFolder(), 'timings.json');
}

function isDuration(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

/** What of a text is usable. */
export function parseTimings(text: string): Timings {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return new Map();
  }
  const steps = (value as { steps?: unknown } | null)?.steps;
  if (typeof steps !== 'object' || steps === null) return new Map();
  return new Map(
    Object.entries(steps).flatMap(([step, durations]) => {
      const usable = Array.isArray(durations) ? durations.filter(isDuration).slice(-KEPT) : [];
      return usable.length === 0 || step.length > LONGEST_NAME ? [] : [[step, usable] as const];
    }),
  );
}

export function formatTimings(timings: Timings): string {
  return `${JSON.stringify({ steps: Object.fromEntries(timings) })}\n`;
}

/** With what a run has measured. */
export function withSamples(timings: Timings, samples: readonly Sample[]): Timings {
  const all = new Map(timings);
  for (const { step, durationMs } of samples) {
    const before = all.get(step);
    if (step.length > LONGEST_NAME || (before === undefined && durationMs < WORTH_KEEPING_MS)) continue;
    // At the end, as what ran last.
    all.delete(step);
    all.set(step, [...(before ?? []), Math.round(durationMs)].slice(-KEPT));
  }
  return new Map([...all].slice(-MOST_STEPS));
}

/** The median of the last times, or null for a step that has not ended well yet. */
export function expectedOf(timings: Timings, step: string): number | null {
  const sorted = (timings.get(step) ?? []).toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return low === undefined || high === undefined ? null : Math.round((low + high) / 2);
}

export async function readTimings(): Promise<Timings> {
  try {
    const stats = await stat(timingsFile());
    if (!stats.isFile() || stats.size > MOST_BYTES) return new Map();
    return parseTimings(await readFile(timingsFile(), 'utf8'));
  } catch {
    return new Map();
  }
}

/**
 * Adds to what the file says now: another run may have ended meanwhile. Of two that end in the same moment one may be
 * lost; the file is whole either way.
 */
export async function keepSamples(samples: readonly Sample[]): Promise<void> {
  if (samples.length === 0) return;
  try {
    const before = await readTimings();
    const after = withSamples(before, samples);
    if (after.size > 0) await writeWhole(timingsFile(), formatTimings(after));
  } catch {
    // A full or read-only disk has been said, or does not matter to this run.
  }
}
