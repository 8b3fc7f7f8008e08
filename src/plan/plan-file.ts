import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type EcsHostError, userError } from '../io/errors.ts';
import { parseObject } from '../io/shape.ts';
import { writeWhole } from '../io/write-whole.ts';
import { type BuildPlan, PLAN_VERSION } from './build-plan.ts';
import { canonicalJson, digestOf } from './digest.ts';
import { layersOf } from './layers.ts';
import { planProblem } from './plan-shape.ts';

const AGAIN = 'make it again with `ecs-host plan`';
/** A plan takes some ten kilobytes. */
const MOST_BYTES = 4 * 1024 * 1024;

export function planText(plan: BuildPlan): string {
  return `${JSON.stringify(plan, null, 2)}\n`;
}

/** Text of plan-summary.json: by which plan an image was baked. It holds the digest, so that it cannot be in it. */
export function planSummaryText({ planName, digest, baseImage, substitutions }: BuildPlan): string {
  return `${JSON.stringify({ name: planName, digest, sourceImage: baseImage, substitutions }, null, 2)}\n`;
}

/** Writes plan.json whole or not at all. */
export async function writePlan(file: string, plan: BuildPlan): Promise<void> {
  await writeWhole(file, planText(plan));
}

function unreadable(file: string, why: string): EcsHostError {
  return userError('PLAN_UNREADABLE', `${resolve(file)} cannot be used as a plan: ${why}.`, AGAIN);
}

async function readText(file: string): Promise<string> {
  const stats = await stat(file).catch((error: NodeJS.ErrnoException) => {
    throw unreadable(file, error.code === 'ENOENT' ? 'it does not exist' : error.message);
  });
  if (!stats.isFile()) throw unreadable(file, `it is ${stats.isDirectory() ? 'a folder' : 'no file'}`);
  if (stats.size > MOST_BYTES) throw unreadable(file, `it has ${stats.size} bytes`);
  return readFile(file, 'utf8').catch((error: Error) => {
    throw unreadable(file, error.message);
  });
}

/**
 * Reads a plan that this version of the program can follow, and whose digest is that of its content.
 *
 * @throws EcsHostError (user) `PLAN_UNREADABLE`, `PLAN_VERSION_MISMATCH`, `PLAN_CHANGED`
 */
export async function readPlan(file: string): Promise<BuildPlan> {
  const value = parseObject(await readText(file));
  if (typeof value === 'string') throw unreadable(file, value);
  const version = value['planVersion'];
  if (version !== PLAN_VERSION) {
    throw userError(
      'PLAN_VERSION_MISMATCH',
      `${resolve(file)} is a plan of version ${String(version)}; this program follows version ${PLAN_VERSION}.`,
      AGAIN,
    );
  }
  const problem = planProblem(value);
  if (problem !== null) throw unreadable(file, problem);
  const plan = value as unknown as BuildPlan;
  const { slow, fast } = plan.layers;
  if (digestOf(plan) !== plan.digest || canonicalJson({ slow, fast }) !== canonicalJson(layersOf(plan))) {
    throw userError(
      'PLAN_CHANGED',
      `${resolve(file)} was changed after it was made: its digest is not that of its content.`,
      `change hosts.yaml instead, and ${AGAIN}`,
    );
  }
  return plan;
}
