import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { bake } from '../../bake/bake.ts';
import { findImage, unknownImage } from '../../image/find-image.ts';
import { type ImageRecord, RECORD_VERSION } from '../../image/image-record.ts';
import { assertImageId, readRecord, saveRecord } from '../../image/image-store.ts';
import { formatDuration } from '../../io/duration.ts';
import { projectFolder, runFolder } from '../../io/paths.ts';
import { commandLine } from '../../io/shell-quote.ts';
import { resultWidth } from '../../io/text.ts';
import type { BuildPlan } from '../../plan/build-plan.ts';
import { readPlan } from '../../plan/plan-file.ts';
import { BUNDLE_FILE } from '../../plan/provisioning.ts';
import { renderTo } from '../../render/render.ts';
import { claimRun } from '../../run/owner.ts';
import { pruneRuns } from '../../run/prune.ts';
import { sweepDead } from '../../run/sweep/sweep.ts';
import { parseParts } from '../../smoke/checks/check-definitions.ts';
import { smoke } from '../../smoke/smoke.ts';
import { keepVerdict, type SmokeResult, verdictError } from '../../smoke/verdict.ts';
import { type Connection, withConnection } from '../connect.ts';
import { printEvent } from '../json.ts';
import { makePlan } from '../make-plan.ts';
import { type CommonArguments, commonArguments, type Session, withSession } from '../session.ts';
import { groupSkips, type Skips, verdictLines } from '../verdict-lines.ts';

/** The commit that bakes, with `-dirty` when the checkout differs from it. */
async function currentCommit(): Promise<string> {
  const git = (...args: string[]): Promise<{ exitCode?: number | undefined; stdout: string }> =>
    execa('git', ['-C', projectFolder(), ...args], { reject: false, stdin: 'ignore' });
  const head = await git('rev-parse', 'HEAD');
  if (head.exitCode !== 0) return 'unknown';
  const changes = await git('status', '--porcelain', '--untracked-files=no');
  return changes.stdout === '' ? head.stdout : `${head.stdout}-dirty`;
}

/** Plan, render, bake, record. What dead runs left in the region is removed first. */
async function bakeImage(
  session: Session,
  connection: Connection,
  keepsBundle: boolean,
): Promise<{ plan: BuildPlan; record: ImageRecord; recordFile: string }> {
  const { clients, environment } = connection;
  await claimRun(session.runId, 'build');
  const { plan, bundle } = await session.span('plan', async () => {
    await sweepDead(clients, { reporter: session.reporter });
    await pruneRuns({ reporter: session.reporter });
    return makePlan(session, connection);
  });
  const renderDir = join(runFolder(session.runId), 'render');
  await session.span('render', () => renderTo(plan, bundle, renderDir));
  const commit = await currentCommit();
  const baked = await session
    .span('bake', () => bake({ plan, renderDir, ctx: session, commit, clients, environment }))
    // Tens of megabytes that `ecs-host render` makes again; template and plan.json stay. To repeat a build by hand it has to be there.
    .finally(() => (keepsBundle ? undefined : rm(join(renderDir, BUNDLE_FILE), { force: true })));
  const record: ImageRecord = {
    recordVersion: RECORD_VERSION,
    imageId: baked.imageId,
    imageName: `${plan.imageName}-${session.runId}`,
    snapshotIds: baked.snapshotIds,
    region: plan.region,
    apiRegion: plan.apiRegion,
    endpointUrl: plan.endpointUrl,
    profile: plan.profile,
    planDigest: plan.digest,
    planName: plan.planName,
    runId: session.runId,
    commit,
    sourceImageId: plan.baseImage.id,
    createdAt: new Date().toISOString(),
    versions: baked.versions,
    substitutions: plan.substitutions,
    timings: session.spans(),
    bakeChecks: baked.checks,
    smoke: null,
  };
  return { plan, record, recordFile: await saveRecord(record) };
}

/** Top-level spans, for the closing lines. */
function stageTimes(session: Session): { stage: string; durationMs: number }[] {
  return session
    .spans()
    .filter((span) => span.name === span.stage)
    .map(({ stage, durationMs }) => ({ stage, durationMs }));
}

type Closing = {
  readonly imageId: string;
  readonly verdict: string;
  readonly checks: Readonly<Record<string, number>>;
  readonly skips: readonly Skips[];
  readonly substitutions: ImageRecord['substitutions'];
  readonly stages: readonly { readonly stage: string; readonly durationMs: number }[];
  readonly record: string | null;
};

function closingLines(closing: Closing): string[] {
  return [
    ...closing.substitutions.map(
      ({ component, source }) => `note      ${component}: ${source} (not the official source)`,
    ),
    `image     ${closing.imageId}`,
    ...verdictLines(closing.verdict, closing.checks, closing.skips, resultWidth()),
    `stages    ${closing.stages.map(({ stage, durationMs }) => `${stage} ${formatDuration(durationMs)}`).join(', ')}`,
    ...(closing.record === null ? [] : [`record    ${closing.record}`]),
  ];
}

function countVerdicts(checks: readonly { readonly verdict: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { verdict } of checks) counts[verdict] = (counts[verdict] ?? 0) + 1;
  return counts;
}

async function close(
  session: Session,
  json: boolean,
  outcome: {
    imageId: string;
    substitutions: ImageRecord['substitutions'];
    recordFile: string | null;
    result: SmokeResult | null;
  },
): Promise<void> {
  const { imageId, substitutions, recordFile, result } = outcome;
  await session.reporter.close();
  const closing: Closing = {
    imageId,
    verdict: result?.verdict ?? 'not-run',
    checks: countVerdicts(result?.checks ?? []),
    skips: groupSkips(result?.checks ?? []),
    substitutions,
    stages: stageTimes(session),
    record: recordFile,
  };
  printEvent(json, { type: 'result', ...closing }, closingLines(closing));
}

function smokeCommand(imageId: string, { region, profile, configFile }: CommonArguments): string {
  return commandLine({}, [
    ...['ecs-host', 'smoke', imageId, '--region', region, '--config', resolve(configFile)],
    ...(profile === null ? [] : ['--profile', profile]),
  ]);
}

/** `ecs-host ami`: bake and smoke. */
export async function ami(argv: Record<string, unknown>): Promise<number> {
  const args = commonArguments(argv);
  return withSession(argv, async (session) => {
    const outcome = await withConnection(session, args, async (connection) => {
      const { plan, record } = await bakeImage(session, connection, argv['debug'] === true);
      const { clients } = connection;
      const result = await session.span('smoke', () => smoke({ plan, imageId: record.imageId, ctx: session, clients }));
      await saveRecord({ ...record, timings: session.spans() });
      const recordFile = await keepVerdict(clients, record.imageId, result);
      return { imageId: record.imageId, substitutions: plan.substitutions, recordFile, result };
    });
    await close(session, args.json, outcome);
    if (outcome.result.verdict !== 'passed')
      throw verdictError(outcome.imageId, outcome.result).repeatedBy(smokeCommand(outcome.imageId, args));
    return 0;
  });
}

/** `ecs-host bake`. */
export async function bakeOnly(argv: Record<string, unknown>): Promise<number> {
  const args = commonArguments(argv);
  return withSession(argv, async (session) => {
    const { record, recordFile } = await withConnection(session, args, (connection) =>
      bakeImage(session, connection, argv['debug'] === true),
    );
    await close(session, args.json, {
      imageId: record.imageId,
      substitutions: record.substitutions,
      recordFile,
      result: null,
    });
    return 0;
  });
}

/** The plan by which an image was baked, at the endpoint where it is looked at now; without its run, a plan made anew. */
async function planOf(session: Session, connection: Connection, imageId: string): Promise<BuildPlan> {
  const record = await readRecord(imageId);
  if (record) {
    const plan = await readPlan(join(runFolder(record.runId), 'render', 'plan.json')).catch(() => null);
    if (plan) return { ...plan, endpointUrl: connection.endpointUrl };
  }
  return (await makePlan(session, connection)).plan;
}

/** `ecs-host smoke <image>`. */
export async function smokeOnly(argv: Record<string, unknown>): Promise<number> {
  const args = commonArguments(argv);
  const imageId = String(argv['image']);
  assertImageId(imageId);
  const parts = parseParts(typeof argv['only'] === 'string' ? argv['only'] : null);
  return withSession(argv, async (session) => {
    const outcome = await withConnection(session, args, async (connection) => {
      const { clients } = connection;
      // Before a plan is made and machines are asked for: most unknown ids are typing errors.
      if ((await findImage(clients, imageId)) === null) throw unknownImage(imageId, connection.apiRegion);
      await claimRun(session.runId, 'smoke');
      const plan = await session.span('plan', () => planOf(session, connection, imageId));
      const result = await session.span('smoke', () => smoke({ plan, imageId, ctx: session, clients, parts }));
      const recordFile = await keepVerdict(clients, imageId, result);
      return { imageId, substitutions: plan.substitutions, recordFile, result };
    });
    await close(session, args.json, outcome);
    if (outcome.result.verdict !== 'passed')
      throw verdictError(imageId, outcome.result).repeatedBy(smokeCommand(imageId, args));
    return 0;
  });
}
