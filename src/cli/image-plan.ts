import { join } from 'node:path';
import { readRecord } from '../image/image-store.ts';
import { EcsHostError } from '../io/errors.ts';
import { runFolder } from '../io/paths.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import { readPlan } from '../plan/plan-file.ts';
import { claimRun } from '../run/owner.ts';
import type { Api } from './connect.ts';
import type { Planning } from './follow-plan.ts';
import type { Session } from './session.ts';

/** The plan by which an image was baked, or null with a note that says why it cannot be followed. */
async function storedPlan(session: Session, imageId: string, apiRegion: string): Promise<BuildPlan | null> {
  const record = await readRecord(imageId);
  let why = 'it has no record here';
  try {
    const plan = record && (await readPlan(join(runFolder(record.runId), 'render', 'plan.json')));
    if (plan?.apiRegion === apiRegion) return plan;
    if (plan) why = `it is of ${plan.apiRegion}`;
  } catch (error) {
    if (!(error instanceof EcsHostError)) throw error;
    why = error.message;
  }
  session.reporter.emit({
    type: 'note',
    code: 'PLAN_MADE_AGAIN',
    text: `The plan by which ${imageId} was baked is not followed, but one that is made now: ${why}`,
  });
  return null;
}

type PlanFor = { readonly imageId: string; readonly hasFile: boolean; readonly planning: Planning };

/**
 * By `--plan`; else the plan by which the image was baked; else one that is made now. At the endpoint where the image
 * is looked at now, and after a look at all that it needs.
 */
export async function planOfImage(
  session: Session,
  { apiRegion, endpointUrl }: Api,
  { imageId, hasFile, planning }: PlanFor,
) {
  const stored = hasFile ? null : await storedPlan(session, imageId, apiRegion);
  await planning.preflight(stored);
  await claimRun(session.runId);
  const plan = await session.span('plan', async () => stored ?? (await planning.planned()).plan);
  return { ...plan, endpointUrl };
}
