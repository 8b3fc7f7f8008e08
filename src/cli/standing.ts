import { recordPath } from '../image/image-store.ts';
import { findStanding, type Standing } from '../image/standing.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import type { Argv } from './arguments.ts';
import type { Api } from './connect.ts';
import type { Planning } from './follow-plan.ts';
import type { Session } from './session.ts';
import type { Outcome } from './verbs/closing.ts';

/** A plan, and the image that stands for it in its region. */
export type Stands = { readonly plan: BuildPlan; readonly standing: Standing };

/** The preflight says everything that is missing; a plan that fails only the first. */
async function planOrPreflight(session: Session, planning: Planning): Promise<BuildPlan> {
  try {
    return (await planning.planned()).plan;
  } catch (error) {
    if (!session.signal.aborted) await planning.preflight();
    throw error;
  }
}

/**
 * Looks whether there is anything to bake before anything is asked that only a bake needs: null when there is, and
 * with `--force`.
 */
export async function lookForStanding(
  session: Session,
  { clients }: Api,
  planning: Planning,
  argv: Argv,
): Promise<Stands | null> {
  if (argv['force'] === true) return null;
  const plan = await planOrPreflight(session, planning);
  const standing = await findStanding(clients, plan);
  if (standing === null) return null;
  session.leaveUntimed();
  return { plan, standing };
}

/** As a bake, or a bake with its proof, would have ended. */
export function standingOutcome({ plan, standing }: Stands): Outcome {
  const { imageId, verdict, since, record } = standing;
  return {
    imageId,
    since,
    substitutions: plan.substitutions,
    recordFile: record === null ? null : recordPath(imageId),
    result: verdict === 'passed' ? { verdict, checks: record?.smoke?.checks ?? [] } : null,
  };
}
