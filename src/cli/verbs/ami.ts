import { bakeNeeds } from '../../bake/toolchain.ts';
import { saveRecord } from '../../image/image-store.ts';
import { EcsHostError } from '../../io/errors.ts';
import type { Need } from '../../io/programs.ts';
import type { Transport } from '../../plan/build-plan.ts';
import { NoCapacity, type Tried } from '../../plan/fallback.ts';
import { smokeNeeds } from '../../smoke/needs.ts';
import { smoke } from '../../smoke/smoke.ts';
import { keepVerdict, verdictError } from '../../smoke/verdict.ts';
import type { Api } from '../connect.ts';
import { type Planning, withPlanning } from '../follow-plan.ts';
import { inRegions } from '../or-region.ts';
import type { Wanted } from '../preflight.ts';
import { type Session, withSession } from '../session.ts';
import { bakeImage, keepOf } from './bake.ts';
import { close } from './closing.ts';
import { smokeCommand } from './smoke.ts';

function amiNeeds(transport: Transport): readonly Need[] {
  return [...bakeNeeds(transport), ...smokeNeeds(transport)];
}

export const AMI: Wanted = { needsOf: amiNeeds, builds: true, smokes: 2, watches: true };

/** An image stays in its region, and is good for a later proof. */
function unproven(error: unknown, command: string): unknown {
  if (!(error instanceof NoCapacity)) return error;
  const { message, details } = error;
  const hint = `the image is there, and not proven: \`${command}\` does that later`;
  return new EcsHostError('outside', 'NO_CAPACITY', message, { hint, details, cause: error }).repeatedBy(command);
}

type AmiOptions = {
  readonly planning: Planning;
  readonly argv: Record<string, unknown>;
  /** What was tried in other regions before. */
  readonly before: readonly Tried[];
  /** Told of the image before it is proven. */
  readonly onImage?: (imageId: string) => void;
};

/** Bakes an image by a plan, and proves it; at the API of a session. */
export async function amiBy(session: Session, api: Api, { planning, argv, before, onImage }: AmiOptions) {
  const { clients, endpointUrl } = api;
  const keep = keepOf(argv, api);
  const baked = await bakeImage(session, api, { planning, keepsBundle: argv['debug'] === true, keep, before });
  const { imageId } = baked.record;
  onImage?.(imageId);
  const command = smokeCommand(imageId, argv);
  const plan = { ...baked.plan, endpointUrl };
  const result = await session
    .span('smoke', () => smoke({ plan, imageId, ctx: session, clients, keep }))
    .catch((error: unknown) => {
      throw unproven(error, command);
    });
  await saveRecord({ ...baked.record, timings: session.spans() });
  const recordFile = await keepVerdict(clients, imageId, result);
  return { imageId, placement: baked.record.placement, substitutions: plan.substitutions, recordFile, result, command };
}

function amiIn(session: Session, argv: Record<string, unknown>, before: readonly Tried[]) {
  return withPlanning(session, argv, AMI, (api, planning) => amiBy(session, api, { planning, argv, before }));
}

/** `ecs-host ami`: bake and smoke. */
export function ami(argv: Record<string, unknown>): Promise<number> {
  return withSession(argv, async (session) => {
    const {
      command,
      placement: _,
      ...outcome
    } = await inRegions(session, argv, (there, before) => amiIn(session, there, before));
    await close(session, argv['json'] === true, outcome);
    if (outcome.result.verdict !== 'passed') throw verdictError(outcome.imageId, outcome.result).repeatedBy(command);
    return 0;
  });
}
