import { bakeNeeds } from '../../bake/toolchain.ts';
import { readRecord, saveRecord } from '../../image/image-store.ts';
import { signingKey } from '../../inventory/signature.ts';
import { EcsHostError } from '../../io/errors.ts';
import type { Need } from '../../io/programs.ts';
import type { BuildPlan, Transport } from '../../plan/build-plan.ts';
import { NoCapacity, type Tried } from '../../plan/fallback.ts';
import { claimRun } from '../../run/owner.ts';
import { smokeNeeds } from '../../smoke/needs.ts';
import { keepVerdict, verdictError } from '../../smoke/verdict.ts';
import type { Argv } from '../arguments.ts';
import type { Api } from '../connect.ts';
import { type Planning, withPlanning } from '../follow-plan.ts';
import { inRegions } from '../or-region.ts';
import type { Wanted } from '../preflight.ts';
import { type Session, withSession } from '../session.ts';
import { lookForStanding, type Stands, standingOutcome } from '../standing.ts';
import { bakeImage, keepOf, layersAsked } from './bake.ts';
import { close } from './closing.ts';
import { smokeCommand } from './smoke.ts';

function amiNeeds(transport: Transport): readonly Need[] {
  return [...bakeNeeds(transport), ...smokeNeeds(transport)];
}

const AMI: Wanted = { needsOf: amiNeeds, builds: true, smokes: 2, watches: true };

/** An image stays in its region, and is good for a later proof. */
function unproven(error: unknown, command: string): unknown {
  if (!(error instanceof NoCapacity)) return error;
  const { message, details } = error;
  const hint = `the image is there, and not proven: \`${command}\` does that later`;
  return new EcsHostError('outside', 'NO_CAPACITY', message, { hint, details, cause: error }).repeatedBy(command);
}

/** What the smoke test is of: an image that was baked now, or one that nobody has proven yet. */
type Subject = { readonly imageId: string; readonly plan: BuildPlan; readonly since: string | null };

async function subjectFor(
  session: Session,
  api: Api,
  {
    planning,
    stands,
    argv,
    before,
  }: { planning: Planning; stands: Stands | null; argv: Argv; before: readonly Tried[] },
): Promise<Subject> {
  if (stands !== null) {
    const { imageId, since } = stands.standing;
    const text = `${imageId} was baked from the same inputs and not proven; that is done now, and nothing is baked.`;
    session.reporter.emit({ type: 'note', code: 'IMAGE_UNPROVEN', text });
    await planning.preflight();
    await claimRun(session.runId);
    return { imageId, plan: stands.plan, since };
  }
  const keep = keepOf(argv, api);
  const { plan, record } = await bakeImage(session, api, {
    planning,
    layers: layersAsked(argv),
    keepsBundle: argv['debug'] === true,
    keep,
    before,
  });
  return { imageId: record.imageId, plan, since: null };
}

function amiIn(session: Session, argv: Record<string, unknown>, before: readonly Tried[]) {
  return withPlanning(session, argv, AMI, async (api, planning) => {
    const { clients, endpointUrl } = api;
    const stands = await lookForStanding(session, api, planning, argv);
    if (stands?.standing.verdict === 'passed') return { baked: false, ...standingOutcome(stands), proof: null };
    const subject = await subjectFor(session, api, { planning, stands, argv, before });
    const { imageId, since } = subject;
    const command = smokeCommand(imageId, argv);
    const plan = { ...subject.plan, endpointUrl };
    const { smoke } = await import('../../smoke/smoke.ts');
    const result = await session
      .span('smoke', () => smoke({ plan, imageId, ctx: session, clients, keep: keepOf(argv, api) }))
      .catch((error: unknown) => {
        throw unproven(error, command);
      });
    const record = stands === null ? await readRecord(imageId) : null;
    if (record !== null) await saveRecord({ ...record, timings: session.spans() });
    const recordFile = await keepVerdict(clients, imageId, result);
    const { substitutions } = plan;
    return { imageId, baked: stands === null, since, substitutions, recordFile, result, proof: { result, command } };
  });
}

/** `ecs-host ami`: bake and smoke, or as much of it as has not been done yet. */
export function ami(argv: Record<string, unknown>): Promise<number> {
  return withSession(argv, async (session) => {
    // Before an image is baked that could not be signed.
    await signingKey();
    const { proof, ...outcome } = await inRegions(session, argv, (there, before) => amiIn(session, there, before));
    await close(session, argv['json'] === true, outcome);
    if (proof !== null && proof.result.verdict !== 'passed')
      throw verdictError(outcome.imageId, proof.result).repeatedBy(proof.command);
    return 0;
  });
}
