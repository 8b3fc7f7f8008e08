import { setTimeout as sleep } from 'node:timers/promises';
import { outsideError, userError } from '../io/errors.ts';
import type { RunContext, SpanHandle } from '../io/reporter.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import type { NetworkFacts } from '../plan/facts.ts';
import { TAG } from '../run/tags.ts';
import { beginCopy, type CopyOrder, checkCopy, removeCopy, waitForCopy } from './copy.ts';
import { keepCopyRecord } from './copy-record.ts';
import { nextStep, type Seen, type SeenImage, type Step } from './next-step.ts';
import { observe, type Subject } from './observe.ts';
import { hasContentOf, planIn, proveBySmoke, type Smoke, snapshotDigests, takeVerdictOver } from './prove.ts';
import type { Region } from './region.ts';
import type { Ledger } from './release-state.ts';
import { settle } from './settle.ts';

/** All that the regions of one release share. */
export type Work = {
  readonly plan: BuildPlan;
  readonly ctx: RunContext;
  readonly endpointUrl: string | null;
  readonly subject: Subject;
  readonly ledger: Ledger;
  readonly smoke: Smoke;
  /** The first is that of the bake. */
  readonly regions: readonly [Region, ...Region[]];
  /** Where copies are smoked, by the place of their region. */
  readonly networks: ReadonlyMap<number, NetworkFacts>;
  /** Between two looks at what is not there yet. */
  readonly pauseMs: number;
  /** Read once for all regions, when the first asks. */
  readonly digestsOfSource: { promise: Promise<readonly string[]> | null };
};

/** What a region shows, and what comes next there, which is written down. */
export async function lookAt(work: Work, region: Region): Promise<{ readonly seen: Seen; readonly step: Step }> {
  const seen = await observe(region, work.subject, work.ledger.state.regions[region.place]?.imageId ?? null);
  const step = nextStep(seen, region.isSource);
  const imageId = seen.image?.imageId ?? (region.isSource ? work.subject.imageId : null);
  await work.ledger.saveRegion(region.place, { step, imageId });
  return { seen, step };
}

function orderOf({ ledger, regions }: Work, { place }: Region, source: SeenImage): CopyOrder {
  const { id, regions: states } = ledger.state;
  return {
    source,
    sourceApiRegion: regions[0].apiRegion,
    releaseId: id,
    failedCopies: states[place]?.failedCopies ?? 0,
  };
}

/** Removes a copy of no use; the next try asks for another. */
async function giveUp({ ledger }: Work, region: Region, image: SeenImage, why: string): Promise<never> {
  const failedCopies = (ledger.state.regions[region.place]?.failedCopies ?? 0) + 1;
  await ledger.saveRegion(region.place, { failedCopies });
  const failure = await removeCopy(region, image, why);
  await ledger.saveRegion(region.place, { step: 'copy', imageId: null });
  throw failure;
}

function sourceOf({ subject, regions }: Work): { imageId: string; apiRegion: string } {
  return { imageId: subject.imageId, apiRegion: regions[0].apiRegion };
}

async function check(work: Work, region: Region, image: SeenImage, source: SeenImage): Promise<void> {
  const defects = await checkCopy(region, image, orderOf(work, region, source));
  if (defects.length > 0) await giveUp(work, region, image, defects.join('; '));
  await keepCopyRecord(region, image, { source: sourceOf(work), endpointUrl: work.endpointUrl, smoke: null });
}

async function compare(
  work: Work,
  region: Region,
  { image, source, span }: { readonly image: SeenImage; readonly source: SeenImage; readonly span: SpanHandle },
): Promise<void> {
  const { signal } = work.ctx;
  const tell = (of: string) => (read: number, all: number) => span.progress(`${read} of ${all} blocks of ${of}`);
  work.digestsOfSource.promise ??= snapshotDigests(work.regions[0].clients.more.ebs, source.snapshotIds, {
    signal,
    onBlocks: tell(source.imageId),
  });
  const copy = { ebs: region.clients.more.ebs, snapshotIds: image.snapshotIds };
  if (!(await hasContentOf(copy, work.digestsOfSource.promise, { signal, onBlocks: tell(image.imageId) })))
    await giveUp(work, region, image, `its content is not that of ${source.imageId}`);
  await takeVerdictOver({ region, image, source: sourceOf(work), endpointUrl: work.endpointUrl }, source);
}

async function prove(work: Work, region: Region, image: SeenImage, source: SeenImage): Promise<void> {
  const { plan, ctx, endpointUrl, networks } = work;
  if (!region.isSource && plan.release.verifyCopies === 'snapshot') {
    await ctx.span(`compare the copy in ${region.name}`, (span) => compare(work, region, { image, source, span }));
    return;
  }
  const network = networks.get(region.place);
  const here = network === undefined ? plan : planIn(plan, region, network);
  await ctx.span(`smoke in ${region.name}`, () =>
    proveBySmoke({ plan: here, region, image, source: sourceOf(work), endpointUrl }, work.smoke),
  );
}

function lost({ subject }: Work, { name }: Region, { image }: Seen) {
  const what = image === null ? 'is not there' : `is ${image.state}`;
  return userError(
    'RELEASE_IMPOSSIBLE',
    `Image ${subject.imageId} ${what} in ${name}, so it cannot be released.`,
    '`ecs-host image list` shows the images of a region',
  );
}

function refused({ name }: Region, { image }: Seen) {
  const { imageId = '', state = '', tags = {} } = image ?? {};
  const withdrawn = tags[TAG.withdrawn];
  const why =
    withdrawn !== undefined
      ? `was withdrawn (${withdrawn}), and is never released again`
      : tags[TAG.layer] === undefined
        ? `is ${state}`
        : 'is only a layer of others, and is never released';
  return userError('RELEASE_IMPOSSIBLE', `Image ${imageId} in ${name} ${why}.`, 'release another image');
}

/** Does one step in one region; each may have been done, or begun, before. */
async function act(work: Work, region: Region, looked: { seen: Seen; step: Step }, source: SeenImage): Promise<void> {
  const { ctx, subject, pauseMs } = work;
  const { seen, step } = looked;
  if (step === 'copy') {
    const imageId = await beginCopy(region, orderOf(work, region, source));
    await work.ledger.saveRegion(region.place, { step: 'wait', imageId });
    await ctx.span(`copy to ${region.name}`, async (span) => {
      span.progress(imageId);
      await waitForCopy(region, imageId, { signal: ctx.signal, pauseMs });
    });
    return;
  }
  const { image } = seen;
  if (step === 'lost' || image === null) throw lost(work, region, seen);
  if (step === 'refused') throw refused(region, seen);
  if (step === 'wait')
    await ctx.span(`copy to ${region.name}`, () => waitForCopy(region, image.imageId, { signal: ctx.signal, pauseMs }));
  if (step === 'remove') await giveUp(work, region, image, `it is ${image.state}: ${image.reason}`);
  if (step === 'check') await ctx.span(`check the copy in ${region.name}`, () => check(work, region, image, source));
  if (step === 'prove') await prove(work, region, image, source);
  if (step === 'share')
    await ctx.span(`share in ${region.name}`, () =>
      settle(region, image, { release: subject.release, startedAt: subject.startedAt }),
    );
}

/** More than the steps that there are, each twice: a region that shows what was done only later asks for it again. */
const MOST_STEPS = 20;

/**
 * Brings one region as far as it comes by itself: to where only its pointer is left to move.
 *
 * @throws EcsHostError `COPY_FAILED` (outside), `SMOKE_FAILED` (verdict), `RELEASE_IMPOSSIBLE` (user)
 */
export async function advance(work: Work, region: Region, source: SeenImage): Promise<void> {
  const { signal } = work.ctx;
  let before: Step | null = null;
  for (let count = 0; count < MOST_STEPS; count += 1) {
    signal.throwIfAborted();
    const looked = await lookAt(work, region);
    if (looked.step === 'publish' || looked.step === 'done') return;
    if (looked.step === before) await sleep(work.pauseMs, undefined, { signal });
    before = looked.step;
    await act(work, region, looked, source);
    // The image that was baked is proven before the others begin.
    if (region.isSource && looked.step === 'prove') return;
  }
  throw outsideError(
    'RELEASE_INCOMPLETE',
    `${region.name} does not show what was done there.`,
    'the same command goes on where this ended',
  );
}
