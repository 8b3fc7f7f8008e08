import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { bakeNeeds } from '../../bake/toolchain.ts';
import { type ImageRecord, RECORD_VERSION } from '../../image/image-record.ts';
import { saveRecord } from '../../image/image-store.ts';
import { keepPackages } from '../../image/packages.ts';
import { projectFolder, runFolder } from '../../io/paths.ts';
import type { BuildPlan } from '../../plan/build-plan.ts';
import type { Tried } from '../../plan/fallback.ts';
import { inputsOf } from '../../plan/inputs.ts';
import { BUNDLE_FILE } from '../../plan/provisioning.ts';
import { claimRun } from '../../run/owner.ts';
import type { Api } from '../connect.ts';
import { type Planning, withPlanning } from '../follow-plan.ts';
import { inRegions } from '../or-region.ts';
import type { Wanted } from '../preflight.ts';
import { type Session, withSession } from '../session.ts';
import { lookForStanding, standingOutcome } from '../standing.ts';
import { close } from './closing.ts';

/** The commit that bakes, with `-dirty` when the checkout differs from it. */
async function currentCommit(): Promise<string> {
  const git = (...args: string[]): Promise<{ exitCode?: number | undefined; stdout: string }> =>
    execa('git', ['-C', projectFolder(), ...args], { reject: false, stdin: 'ignore' });
  const head = await git('rev-parse', 'HEAD');
  if (head.exitCode !== 0) return 'unknown';
  const changes = await git('status', '--porcelain', '--untracked-files=no');
  return changes.stdout === '' ? head.stdout : `${head.stdout}-dirty`;
}

async function dropBundles(renderDir: string): Promise<void> {
  const { layerFolder } = await import('../../render/render.ts');
  for (const folder of [renderDir, layerFolder(renderDir, 'slow'), layerFolder(renderDir, 'fast')])
    await rm(join(folder, BUNDLE_FILE), { force: true });
}

export type Baked = { readonly plan: BuildPlan; readonly record: ImageRecord; readonly recordFile: string };

/** `--layers` or `--no-layers`; null leaves it to the plan. */
export function layersAsked(argv: Record<string, unknown>): boolean | null {
  return typeof argv['layers'] === 'boolean' ? argv['layers'] : null;
}

type BakeOptions = {
  /** Whether it is baked in layers; null is as the plan says. */
  readonly layers: boolean | null;
  readonly planning: Planning;
  readonly keepsBundle: boolean;
  readonly keep: (() => Promise<void>) | null;
  /** What was tried in other regions before. */
  readonly before: readonly Tried[];
};

/** What only a bake needs: where nothing is baked, nobody waits until it is loaded. */
async function bakery() {
  const [{ bake }, { bakeInLayers }, { renderTo }, { pruneRuns }, { sweepDead }] = await Promise.all([
    import('../../bake/bake.ts'),
    import('../../bake/bake-layers.ts'),
    import('../../render/render.ts'),
    import('../../run/prune.ts'),
    import('../../run/sweep/sweep.ts'),
  ]);
  return { bake, bakeInLayers, renderTo, pruneRuns, sweepDead };
}

/** Preflight, plan where that is not done, render, bake, record. What dead runs left in the region is removed first. */
export async function bakeImage(
  session: Session,
  api: Api,
  { planning, layers, keepsBundle, keep, before }: BakeOptions,
): Promise<Baked> {
  const { clients, keys, endpointUrl } = api;
  await planning.preflight();
  const { bake, bakeInLayers, renderTo, pruneRuns, sweepDead } = await bakery();
  await claimRun(session.runId);
  await session.span('sweep', async () => {
    await sweepDead(clients, { reporter: session.reporter });
    await pruneRuns({ reporter: session.reporter });
  });
  const { plan: planned, bundle } = await planning.planned();
  const plan = { ...planned, layers: { ...planned.layers, areWanted: layers ?? planned.layers.areWanted } };
  const renderDir = join(runFolder(session.runId), 'render');
  await session.span('render', () => renderTo(plan, bundle, renderDir));
  const commit = await currentCommit();
  const baked = await session.span('bake', async () => {
    const input = { plan, renderDir, ctx: session, commit, clients, keys, endpointUrl, keep };
    try {
      return plan.layers.areWanted ? await bakeInLayers(input) : { ...(await bake(input)), layers: null };
    } finally {
      // Tens of megabytes that `ecs-host render` makes again; template and plan.json stay. To repeat a build by hand
      // they have to be there.
      if (!keepsBundle) await dropBundles(renderDir);
    }
  });
  const record: ImageRecord = {
    recordVersion: RECORD_VERSION,
    imageId: baked.imageId,
    imageName: baked.imageName,
    snapshotIds: baked.snapshotIds,
    region: plan.region,
    apiRegion: plan.apiRegion,
    endpointUrl,
    profile: plan.profile,
    planDigest: plan.digest,
    planName: plan.planName,
    inputs: inputsOf(plan),
    runId: session.runId,
    commit,
    sourceImageId: plan.baseImage.id,
    createdAt: new Date().toISOString(),
    layers: baked.layers,
    placement: { ...baked.placement, tried: [...before, ...baked.placement.tried] },
    versions: baked.versions,
    substitutions: plan.substitutions,
    timings: session.spans(),
    steps: baked.steps,
    bakeChecks: baked.checks,
    smoke: null,
  };
  await keepPackages(record.imageId, baked.packages);
  return { plan, record, recordFile: await saveRecord(record) };
}

/** What `--keep-on-failure` does where something is kept; null without it. */
export function keepOf(argv: Record<string, unknown>, api: Api): BakeOptions['keep'] {
  return argv['keepOnFailure'] === true ? api.stay : null;
}

const BAKE: Wanted = { needsOf: bakeNeeds, builds: true, smokes: 0, watches: false };

async function bakeIn(session: Session, argv: Record<string, unknown>, before: readonly Tried[]) {
  return withPlanning(session, argv, BAKE, async (api, planning) => {
    const stands = await lookForStanding(session, api, planning, argv);
    if (stands !== null) return { baked: false, ...standingOutcome(stands) };
    const keepsBundle = argv['debug'] === true;
    const { record, recordFile } = await bakeImage(session, api, {
      planning,
      layers: layersAsked(argv),
      keepsBundle,
      keep: keepOf(argv, api),
      before,
    });
    const { imageId, substitutions } = record;
    return { baked: true, imageId, since: null, substitutions, recordFile, result: null };
  });
}

/** `ecs-host bake`. */
export function bakeOnly(argv: Record<string, unknown>): Promise<number> {
  return withSession(argv, async (session) => {
    const outcome = await inRegions(session, argv, (there, before) => bakeIn(session, there, before));
    await close(session, argv['json'] === true, outcome);
    return 0;
  });
}
