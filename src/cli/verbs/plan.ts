import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { assertImageId } from '../../image/image-store.ts';
import { findSince } from '../../image/since.ts';
import { findStanding } from '../../image/standing.ts';
import { resultWidth } from '../../io/text.ts';
import type { BuildPlan } from '../../plan/build-plan.ts';
import { type Estimate, pricesOf } from '../../plan/estimate.ts';
import { livePrices } from '../../plan/live-prices.ts';
import { readPlan, writePlan } from '../../plan/plan-file.ts';
import { planSummary, wrapSummary } from '../../plan/summary.ts';
import { type Rendered, renderTo } from '../../render/render.ts';
import { expectedOf, readTimings } from '../../run/timings.ts';
import { type Argv, quietly } from '../arguments.ts';
import { type Connection, withConnection } from '../connect.ts';
import { carriedBy, planFileOf } from '../follow-plan.ts';
import { printResult } from '../json.ts';
import { makePlan } from '../make-plan.ts';
import { kindOfRun } from '../recorder.ts';
import { commonArguments, type Session, withSession } from '../session.ts';
import { sinceLines, standingLine } from '../standing-lines.ts';

function outFolder(argv: Record<string, unknown>): string {
  return resolve(typeof argv['out'] === 'string' ? argv['out'] : 'out');
}

async function estimateOf(argv: Argv, plan: BuildPlan, { clients }: Connection): Promise<Estimate> {
  const timings = await readTimings();
  const kind = kindOfRun({ ...argv, _: ['ami'] });
  const { instanceTypes, apiRegion, endpointUrl } = plan;
  const live =
    endpointUrl === null ? await livePrices(clients.ec2, instanceTypes, apiRegion) : new Map<string, number>();
  return {
    bakeMs: expectedOf(timings, `${kind} › bake`),
    smokeMs: expectedOf(timings, `${kind} › smoke`),
    prices: plan.isLab ? null : pricesOf(instanceTypes, apiRegion, live),
  };
}

/** The id behind `--since`, null for it alone, undefined without it. @throws EcsHostError (user) `IMAGE_ID` */
function sinceOf({ since }: Argv): string | null | undefined {
  if (typeof since !== 'string') return since === undefined ? undefined : null;
  assertImageId(since);
  return since;
}

/** What the region has of a plan already: the image that stands for it, and what changed since another. */
async function lookBack(made: BuildPlan, { clients }: Connection, imageId: string | null | undefined) {
  const [standing, since] = await Promise.all([
    findStanding(clients, made),
    imageId === undefined ? undefined : findSince(clients, made, imageId),
  ]);
  return { standing, since };
}

function backJson({ standing, since }: Awaited<ReturnType<typeof lookBack>>): object {
  const image = standing && { imageId: standing.imageId, verdict: standing.verdict, since: standing.since };
  return { image, ...(since === undefined ? {} : { since }) };
}

/** `ecs-host plan`. */
export async function plan(argv: Record<string, unknown>): Promise<number> {
  const args = commonArguments(argv);
  const imageId = sinceOf(argv);
  const { made, estimate, back } = await withSession(quietly(argv), (session) =>
    withConnection(session, args, async (connection) => {
      const { plan: resolved, bundle } = await session.span('plan', () => makePlan(session, connection));
      await rm(bundle.folder, { recursive: true });
      const [estimate, back] = await Promise.all([
        estimateOf(argv, resolved, connection),
        lookBack(resolved, connection, imageId),
      ]);
      return { made: resolved, estimate, back };
    }),
  );
  const file = join(outFolder(argv), 'plan.json');
  await writePlan(file, made);
  const { standing, since } = back;
  const lines = [
    ...planSummary(made, estimate),
    standingLine(standing),
    ...(since === undefined ? [] : sinceLines(since, made.profile)),
  ];
  printResult(args.json, { ...made, ...backJson(back) }, [
    ...wrapSummary(lines, resultWidth()),
    '',
    `written to ${file}; \`ecs-host ami --plan ${file}\` follows it`,
  ]);
  return 0;
}

/** By a stored plan no API is asked and nothing is started. */
async function renderIn(session: Session, argv: Record<string, unknown>): Promise<Rendered> {
  const file = planFileOf(argv);
  const folder = outFolder(argv);
  if (file !== null) {
    const made = await readPlan(file);
    const bundle = await session.span('bundle', () => carriedBy(session, made, file));
    return session.span('render', () => renderTo(made, bundle, folder));
  }
  return withConnection(session, commonArguments(argv), async (connection) => {
    const { plan: made, bundle } = await session.span('plan', () => makePlan(session, connection));
    return session.span('render', () => renderTo(made, bundle, folder));
  });
}

export async function render(argv: Record<string, unknown>): Promise<number> {
  const rendered = await withSession(quietly(argv), (session) => renderIn(session, argv));
  printResult(argv['json'] === true, rendered, [
    `template  ${rendered.template}`,
    `plan      ${rendered.planFile}`,
    `validate  packer init ${rendered.folder} && packer validate ${rendered.template}`,
  ]);
  return 0;
}
