import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { reasonOf } from '#contracts/reason.ts';
import { userError } from '../io/errors.ts';
import { type BuildPlan, PLAN_VERSION } from './build-plan.ts';

/** Writes plan.json whole or not at all. */
export async function writePlan(file: string, plan: BuildPlan): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.partial`, `${JSON.stringify(plan, null, 2)}\n`);
  await rename(`${file}.partial`, file);
}

/**
 * Reads a plan that this version of the program can follow.
 *
 * @throws EcsHostError (user) `PLAN_UNREADABLE`, `PLAN_VERSION_MISMATCH`
 */
export async function readPlan(file: string): Promise<BuildPlan> {
  const again = 'make it again with `ecs-host plan`';
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw userError('PLAN_UNREADABLE', `${file} cannot be read as a plan: ${reasonOf(error)}`, again);
  }
  const version = (value as { planVersion?: unknown } | null)?.planVersion;
  if (version !== PLAN_VERSION) {
    throw userError(
      'PLAN_VERSION_MISMATCH',
      `${file} is a plan of version ${String(version)}; this program follows version ${PLAN_VERSION}.`,
      again,
    );
  }
  return value as BuildPlan;
}
