import { readFile } from 'node:fs/promises';
import { expect } from 'vitest';
import type { ImageRecord } from '../../src/image/image-record.ts';
import { failedChecks } from '../support/failed-checks.ts';
import { awsLeftovers, type LabHandle } from './lab-handle.ts';
import { cli, resultOf } from './support.ts';

/** On a machine that is fresh the lab builds base images, and its parts from their sources. */
export const FRESH_MS = 1_500_000;

/** `ami` for a profile, its record held against what every image has to show. */
export async function proveImage(lab: LabHandle, profile: string): Promise<ImageRecord> {
  const run = await cli(['ami', '--profile', profile, '--json'], lab.environment);
  expect(run.exitCode, run.all).toBe(0);
  const result = resultOf(run);
  expect(result['verdict']).toBe('passed');
  const record = JSON.parse(await readFile(String(result['record']), 'utf8')) as ImageRecord;
  expect(record.imageId).toBe(result['imageId']);
  expect(record.smoke?.instanceIds).toHaveLength(2);
  expect(failedChecks(record.smoke?.checks ?? [])).toEqual([]);
  expect(record.bakeChecks.length).toBeGreaterThan(20);
  expect(Object.keys(record.versions)).toEqual(expect.arrayContaining(['docker', 'ecs-agent', 'node']));
  const listed = await cli(['image', 'list', '--json'], lab.environment);
  expect(listed.exitCode).toBe(0);
  expect(listed.stdout).toContain(record.imageId);
  expect(await awsLeftovers(lab)).toEqual([]);
  return record;
}

/** Ids of the checks that its smoke test found correct. */
export function correctIds({ smoke }: ImageRecord): string[] {
  return (smoke?.checks ?? []).filter(({ verdict }) => verdict === 'correct').map(({ id }) => id);
}
