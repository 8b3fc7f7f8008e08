import { reasonOf } from '#contracts/reason.ts';
import type { ApiTarget, Credentials } from '../aws/clients.ts';
import { createClients } from '../aws/clients.ts';
import { createReleaseClients } from '../aws/release-clients.ts';
import { findImage, unknownImage } from '../image/find-image.ts';
import { EcsHostError, userError } from '../io/errors.ts';
import { explainError } from '../io/explain-error.ts';
import { allOrMistakes, detailsOf } from '../io/mistakes.ts';
import type { RunContext } from '../io/reporter.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import type { NetworkFacts } from '../plan/facts.ts';
import { claimRun, isAlive, readOwner } from '../run/owner.ts';
import { sweepDead } from '../run/sweep/sweep.ts';
import { TAG } from '../run/tags.ts';
import type { Channel } from './channels.ts';
import { movePointer } from './move-pointer.ts';
import { nextTurn, type Seen, type SeenImage } from './next-step.ts';
import { originOf, seenImage } from './observe.ts';
import { RELEASE_VERSION, type Release } from './pointer.ts';
import { networkOf, type Smoke, smokeOf } from './prove.ts';
import type { Region, RegionClients } from './region.ts';
import { advance, lookAt, type Work } from './release-region.ts';
import { Ledger, openState, type ReleaseState, readState, releaseId } from './release-state.ts';

export type ReleaseInput = {
  /** Of the bake, whatever its network is by now; its `release` says where the image goes. */
  readonly plan: BuildPlan;
  readonly imageId: string;
  readonly channel: Channel;
  readonly ctx: RunContext;
  /** null means AWS itself. */
  readonly endpointUrl: string | null;
  /** Clients for a region; they are destroyed with the stack. */
  readonly connect: (apiRegion: string, stack: DisposableStack) => RegionClients;
  /** As for a smoke test. */
  readonly keep: (() => Promise<void>) | null;
  /** In place of the smoke test of this project, and of its patience with copies: for tests. */
  readonly smoke?: Smoke;
  readonly pauseMs?: number;
};

export type ReleaseResult = {
  readonly id: string;
  readonly profile: string;
  readonly channel: Channel;
  /** False when all of it was so already. */
  readonly isNew: boolean;
  readonly regions: readonly {
    readonly name: string;
    readonly apiRegion: string;
    readonly imageId: string;
    readonly previousImageId: string | null;
  }[];
};

/** Clients at one endpoint, for `connect`. */
export function connector(endpointUrl: string | null, credentials: Credentials): ReleaseInput['connect'] {
  return (apiRegion, stack) => {
    const target: ApiTarget = { apiRegion, endpointUrl };
    const aws = createClients(target, credentials);
    stack.defer(() => aws.destroy());
    return { aws, more: stack.use(createReleaseClients(target, credentials)) };
  };
}

/** The first is that of the bake. */
function regionsOf({ plan, connect }: ReleaseInput, stack: DisposableStack): [Region, ...Region[]] {
  const { region: name, apiRegion, kmsKey, release } = plan;
  const [first, ...others] = [{ name, apiRegion, kmsKey }, ...release.regions].map((each, place) => ({
    place,
    name: each.name,
    apiRegion: each.apiRegion,
    kmsKey: each.kmsKey,
    isSource: place === 0,
    clients: connect(each.apiRegion, stack),
  }));
  if (first === undefined) throw new Error('a plan is of a region');
  return [first, ...others];
}

/** @throws EcsHostError (user) for what is no image of the plan, or no image to release */
async function findSource({ plan, imageId }: ReleaseInput, { clients, apiRegion }: Region): Promise<SeenImage> {
  const image = await findImage(clients.aws, imageId);
  if (image === null) throw unknownImage(imageId, apiRegion);
  const seen = seenImage(image);
  const origin = seen.tags[TAG.copiedFrom];
  if (origin !== undefined)
    throw userError(
      'RELEASE_IMPOSSIBLE',
      `${imageId} is a copy of ${origin.replace('/', ', ')}.`,
      `release the image that was baked: \`ecs-host release run ${origin.split('/')[1]}\` in its own region`,
    );
  if (seen.tags[TAG.planDigest] !== plan.digest)
    throw userError(
      'RELEASE_IMPOSSIBLE',
      `${imageId} was not baked by plan ${plan.planName}.`,
      'release it by the plan of its bake, or by one of the same digest',
    );
  return seen;
}

/** Takes the release over, unless another process is at it. */
async function openLedger(input: ReleaseInput, regions: readonly Region[]): Promise<Ledger> {
  const { plan, imageId, channel, endpointUrl, ctx } = input;
  const id = releaseId(imageId, channel);
  const before = await readState(id);
  const owner = before?.runId == null ? null : await readOwner(before.runId);
  if (owner !== null && isAlive(owner))
    throw userError(
      'RELEASE_UNDER_WAY',
      `Release ${id} is under way: process ${owner.process.pid} works on it.`,
      'wait for it; `ecs-host release status` shows how far it is',
    );
  const ledger = new Ledger(
    openState(before, {
      ...{ id, imageId, channel, endpointUrl, regions },
      profile: plan.profile,
      runId: ctx.runId,
      now: new Date().toISOString(),
    }),
  );
  await ledger.save();
  return ledger;
}

/** What hosts run in where copies are smoked: a slip there is not found out only after an hour of copying. */
async function networksOf(
  { plan }: ReleaseInput,
  [, ...copies]: readonly Region[],
): Promise<Map<number, NetworkFacts>> {
  if (plan.release.verifyCopies !== 'smoke') return new Map();
  const asked = copies.map(
    async (region): Promise<[number, NetworkFacts]> => [region.place, await networkOf(plan, region)],
  );
  return new Map(await allOrMistakes<[number, NetworkFacts][]>(asked, 'correct these regions in hosts.yaml'));
}

/** One failure as it is; several as one that names the regions. */
function asOne(failed: readonly { readonly region: Region; readonly error: unknown }[]): unknown {
  const [first, ...others] = failed;
  if (first === undefined || others.length === 0) return first?.error;
  const known = failed.map(({ region, error }) => ({ region, error: explainError(error) }));
  const unforeseen = known.find(({ error }) => !(error instanceof EcsHostError));
  if (unforeseen !== undefined) return unforeseen.error;
  const details = known.flatMap(({ region, error }) =>
    error instanceof EcsHostError
      ? detailsOf(error).map((detail) => ({ where: region.name, ...detail }))
      : [{ where: region.name, reason: reasonOf(error) }],
  );
  const isVerdict = known.some(({ error }) => error instanceof EcsHostError && error.kind === 'verdict');
  const hint = 'the same command goes on; no pointer has moved';
  const reason = `The image could not be made ready in ${failed.map(({ region }) => region.name).join(', ')}.`;
  return isVerdict
    ? new EcsHostError('verdict', 'SMOKE_FAILED', reason, { details, hint })
    : new EcsHostError('outside', 'RELEASE_INCOMPLETE', reason, { details, hint });
}

/** Side by side; where one fails the others go as far as they come. */
async function advanceAll(work: Work, regions: readonly Region[], source: SeenImage): Promise<void> {
  const settled = await Promise.allSettled(regions.map((region) => advance(work, region, source)));
  work.ctx.signal.throwIfAborted();
  const failed = settled.flatMap((each, at) => {
    const region = regions[at];
    return each.status === 'rejected' && region ? [{ region, error: each.reason as unknown }] : [];
  });
  if (failed.length > 0) throw asOne(failed);
}

function releaseOf(work: Work, region: Region, image: SeenImage, source: SeenImage): Release {
  const { ledger, regions, plan } = work;
  const smokedAs = image.tags[TAG.smokeRunId];
  return {
    releaseVersion: RELEASE_VERSION,
    imageId: image.imageId,
    imageName: image.imageName,
    planDigest: plan.digest,
    runId: source.tags[TAG.runId] ?? '',
    commit: source.tags[TAG.commit] ?? '',
    copiedFrom: region.isSource ? null : { imageId: source.imageId, apiRegion: regions[0].apiRegion },
    provenBy: region.isSource || smokedAs !== source.tags[TAG.smokeRunId] ? 'smoke' : 'snapshot',
    releasedAt: ledger.state.releasedAt ?? '',
    previousImageId: ledger.state.regions[region.place]?.previousImageId ?? null,
  };
}

type Looked = { readonly region: Region; readonly seen: Seen };

/**
 * What the pointers name is written down before the first of them moves: afterwards nobody could tell. A pointer that
 * moved is not among them again, so what is written here is always what was named before.
 */
async function publish(work: Work, moving: readonly Looked[], source: SeenImage): Promise<void> {
  const { ledger, ctx, subject } = work;
  for (const { region, seen } of moving) await ledger.saveRegion(region.place, { previousImageId: seen.pointer });
  if (ledger.state.releasedAt === null) await ledger.save({ releasedAt: new Date().toISOString() });
  for (const { region, seen } of moving) {
    ctx.signal.throwIfAborted();
    const { image } = seen;
    if (image === null) continue;
    await ctx.span(`publish in ${region.name}`, () =>
      movePointer(region.clients.more.ssm, subject.profile, subject.channel, releaseOf(work, region, image, source)),
    );
    await ledger.saveRegion(region.place, { step: 'done' });
  }
}

/** How often a copy is asked for: those of the lab are there in a second. */
const PAUSE_MS = { aws: 5000, lab: 250 };

/** More than a release takes; each turn but the last changes something. */
const MOST_TURNS = 10;

/** Turn by turn: look at all regions, do what comes next. @returns whether anything was published */
async function goOn(work: Work): Promise<boolean> {
  let isNew = false;
  for (let turn = 0; turn < MOST_TURNS; turn += 1) {
    work.ctx.signal.throwIfAborted();
    const looked = await Promise.all(work.regions.map(async (region) => ({ region, ...(await lookAt(work, region)) })));
    const next = nextTurn(looked.map(({ step }) => step));
    const chosen = looked.filter((_each, place) => next.regions.includes(place));
    const source = looked[0]?.seen.image;
    if (next.kind === 'done') return isNew;
    // Advancing says why it is not there.
    const shown = source ?? { imageId: '', imageName: '', state: '', reason: '', tags: {}, snapshotIds: [] };
    if (next.kind === 'work')
      await advanceAll(
        work,
        chosen.map(({ region }) => region),
        shown,
      );
    else {
      await publish(work, chosen, shown);
      isNew = true;
    }
  }
  throw new Error('a release does not end');
}

function interrupted({ id }: ReleaseState): EcsHostError {
  return new EcsHostError('interrupted', 'RELEASE_INTERRUPTED', `Interrupted; what release ${id} has done stays.`, {
    hint: 'the same command goes on where this ended; `ecs-host release status` shows how far it is',
  });
}

/** All that the regions share; what dead runs left in any of them is removed first. */
async function prepare(
  input: ReleaseInput,
  { regions, ledger, source }: Pick<Work, 'regions' | 'ledger'> & { readonly source: SeenImage },
): Promise<Work> {
  const { plan, imageId, channel, ctx, endpointUrl, keep } = input;
  const networks = await networksOf(input, regions);
  for (const { clients } of regions) await sweepDead(clients.aws, { reporter: ctx.reporter });
  return {
    ...{ plan, ctx, endpointUrl, ledger, regions, networks },
    smoke: input.smoke ?? smokeOf(ctx, keep),
    pauseMs: input.pauseMs ?? (endpointUrl === null ? PAUSE_MS.aws : PAUSE_MS.lab),
    digestsOfSource: { promise: null },
    subject: {
      ...{ channel, imageId },
      profile: plan.profile,
      release: plan.release,
      origin: originOf(regions[0].apiRegion, source.imageId),
      startedAt: ledger.state.startedAt,
    },
  };
}

/**
 * Releases an image: proves it where it was baked, copies it to the regions of the plan, proves, shares and protects
 * each copy, and only then moves the channel's pointer in all of them. Each step is written down in the state folder
 * and can be told from what the regions show, so that after an interruption of any kind the same call goes on, and a
 * call for what is released already changes nothing.
 *
 * @throws EcsHostError `SMOKE_FAILED` (verdict); `COPY_FAILED`, `RELEASE_INCOMPLETE` (outside); `RELEASE_IMPOSSIBLE`,
 *   `RELEASE_UNDER_WAY` (user); `RELEASE_INTERRUPTED`. No pointer has moved then, but after an interruption while they
 *   did
 */
export async function releaseImage(input: ReleaseInput): Promise<ReleaseResult> {
  const { ctx } = input;
  using stack = new DisposableStack();
  const regions = regionsOf(input, stack);
  const source = await findSource(input, regions[0]);
  await claimRun(ctx.runId);
  const ledger = await openLedger(input, regions);
  try {
    const isNew = await goOn(await prepare(input, { regions, ledger, source }));
    await ledger.save({ finishedAt: new Date().toISOString() });
    const { id, profile, channel } = ledger.state;
    return {
      ...{ id, profile, channel, isNew },
      regions: ledger.state.regions.map(({ name, apiRegion, imageId: there, previousImageId }) => ({
        ...{ name, apiRegion, previousImageId },
        imageId: there ?? '',
      })),
    };
  } catch (error) {
    const { aborted, reason } = ctx.signal;
    const isStopped = aborted && reason instanceof EcsHostError && reason.kind === 'interrupted';
    throw isStopped ? interrupted(ledger.state) : error;
  } finally {
    await ledger.save({ runId: null });
  }
}
