import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectFolder } from '../src/io/paths.ts';

/**
 * What is kept of a measurement: a ratio against a named baseline, both taken in one run. Never a time: that would be
 * this machine's.
 */
export type Result = {
  readonly baseline: string;
  readonly ratio: number;
  /** null where a figure is only watched. */
  readonly goal: number | null;
  readonly rounds: number;
  readonly [more: string]: unknown;
};

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

const FILE = join(projectFolder(), 'bench', 'results.json');

/** `goal at most 1.2: met` */
export function atMost(goal: number | string, isMet: boolean): string {
  return `goal at most ${goal}: ${isMet ? 'met' : 'NOT met'}`;
}

export function rounded(ratio: number): number {
  return Number(ratio.toFixed(3));
}

export async function saveResult(name: string, result: Result): Promise<void> {
  const all = JSON.parse(await readFile(FILE, 'utf8').catch(() => '{}')) as Record<string, Result>;
  all[name] = { ...result, ratio: rounded(result.ratio) };
  await writeFile(FILE, `${JSON.stringify(all, null, 2)}\n`);
}
