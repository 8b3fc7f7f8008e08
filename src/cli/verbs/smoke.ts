import { join, resolve } from 'node:path';
import { findImage, unknownImage } from '../../image/find-image.ts';
import { assertImageId, readRecord } from '../../image/image-store.ts';
import { EcsHostError } from '../../io/errors.ts';
import { runFolder } from '../../io/paths.ts';
import { commandLine } from '../../io/shell-quote.ts';
import type { BuildPlan } from '../../plan/build-plan.ts';
import { readPlan } from '../../plan/plan-file.ts';
import { claimRun } from '../../run/owner.ts';
import { parseParts } from '../../smoke/checks/check-definitions.ts';
import { smokeNeeds } from '../../smoke/needs.ts';
import { smoke } from '../../smoke/smoke.ts';
import { keepVerdict, verdictError } from '../../smoke/verdict.ts';
import type { Api } from '../connect.ts';
import { type Planning, planFileOf, withPlanning } from '../follow-plan.ts';
import type { Wanted } from '../preflight.ts';
import { commonArguments, type Session, withSession } from '../session.ts';
import { keepOf } from './bake.ts';
import { close } from './closing.ts';

/** The command that proves an image again, as this one was called. */
export function smokeCommand(imageId: string, argv: Record<string, unknown>): string {
  const plan = planFileOf(argv);
  const { region, profile, configFile } = commonArguments(argv);
  const by =
    plan === null
      ? ['--region', region, '--config', resolve(configFile), ...(profile === null ? [] : ['--profile', profile])]
      : ['--plan', resolve(plan)];
  return commandLine({}, ['ecs-host', 'smoke', imageId, ...by]);
}

/** The plan by which an image was baked, or null with a note that says why it cannot be followed. */
async function storedPlan(session: Session, imageId: string): Promise<BuildPlan | null> {
  const record = await readRecord(imageId);
  let why = 'it has no record here';
  try {
    if (record) return await readPlan(join(runFolder(record.runId), 'render', 'plan.json'));
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
async function planFor(session: Session, { endpointUrl }: Api, { imageId, hasFile, planning }: PlanFor) {
  const stored = hasFile ? null : await storedPlan(session, imageId);
  await planning.preflight(stored);
  await claimRun(session.runId);
  const plan = stored ?? (await planning.planned()).plan;
  return { ...plan, endpointUrl };
}

/** `ecs-host smoke <image>`. */
export function smokeOnly(argv: Record<string, unknown>): Promise<number> {
  const imageId = String(argv['image']);
  assertImageId(imageId);
  const parts = parseParts(typeof argv['only'] === 'string' ? argv['only'] : null);
  const hasFile = planFileOf(argv) !== null;
  const wanted: Wanted = {
    needsOf: (transport) => smokeNeeds(transport, parts),
    builds: false,
    smokes: parts.has('cluster') ? 2 : 1,
    watches: parts.has('workload'),
  };
  return withSession(argv, async (session) => {
    const outcome = await withPlanning(session, argv, wanted, async (api, planning) => {
      const { clients, apiRegion } = api;
      const keep = keepOf(argv, api);
      // Before a plan is made and machines are asked for: most unknown ids are typing errors.
      if ((await findImage(clients, imageId)) === null) throw unknownImage(imageId, apiRegion);
      const plan = await planFor(session, api, { imageId, hasFile, planning });
      const result = await session.span('smoke', () => smoke({ plan, imageId, ctx: session, clients, parts, keep }));
      const recordFile = await keepVerdict(clients, imageId, result);
      return { imageId, baked: false, since: null, substitutions: plan.substitutions, recordFile, result };
    });
    await close(session, argv['json'] === true, outcome);
    if (outcome.result.verdict !== 'passed')
      throw verdictError(imageId, outcome.result).repeatedBy(smokeCommand(imageId, argv));
    return 0;
  });
}
