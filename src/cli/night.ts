import { reasonOf } from '#contracts/reason.ts';
import { createReleaseClients } from '../aws/release-clients.ts';
import type { LoadedConfig } from '../config/load.ts';
import { readRecord } from '../image/image-store.ts';
import { findSince } from '../image/since.ts';
import { allEnded } from '../io/all-ended.ts';
import { EcsHostError } from '../io/errors.ts';
import { requirePrograms } from '../io/programs.ts';
import { type Item, itemName } from '../nightly/items.ts';
import {
  failedStage,
  failureOf,
  NIGHT_VERSION,
  type Night,
  type Outcome,
  type Swept,
  stageTimes,
  triedBefore,
} from '../nightly/night.ts';
import { nightlyImage, releaseNightly } from '../nightly/release-nightly.ts';
import { Meeting, Slots } from '../nightly/together.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import type { Change } from '../plan/inputs.ts';
import { select, transportOf } from '../plan/resolve.ts';
import { connector } from '../release/release.ts';
import { sweepDead, sweepRun } from '../run/sweep/sweep.ts';
import { countVerdicts, verdictError } from '../smoke/verdict.ts';
import { type Connection, withConnection } from './connect.ts';
import { once, type Planning, planningAt } from './follow-plan.ts';
import { type Session, withinSession } from './session.ts';
import { lookForStanding, type Stands } from './standing.ts';
import { AMI, amiBy } from './verbs/ami.ts';

/** Versions and ids; digests are longer. */
const LONGEST_INPUT = 60;

export type NightOptions = {
  readonly items: readonly Item[];
  readonly loaded: LoadedConfig;
  /** How many images are baked and proven at once. */
  readonly jobs: number;
  /** Bakes also where nothing changed. */
  readonly force: boolean;
  /** Only plans. */
  readonly dryRun: boolean;
};

type Shared = NightOptions & {
  readonly slots: Slots;
  /** Of all plans: no image is begun before. */
  readonly meeting: Meeting<Item>;
};

/** What becomes known of an item on its way. */
type Facts = {
  -readonly [Key in
    | 'imageId'
    | 'previousImageId'
    | 'published'
    | 'changed'
    | 'checks'
    | 'tried'
    | 'status']: Outcome[Key];
} & { plan: BuildPlan | null };

type Way = {
  readonly session: Session;
  readonly connection: Connection;
  readonly item: Item;
  readonly argv: Record<string, unknown>;
  readonly facts: Facts;
};

/** The arguments of an `ecs-host ami` that does the same. */
function argvOf({ profile, region }: Item, { file }: LoadedConfig): Record<string, unknown> {
  return { _: ['ami'], region, profile, config: file };
}

/** By name; what an input was is only told where it is short. */
function changeText({ name, before, after }: Change): string {
  const isShort = [before, after].every((each) => each === null || each.length <= LONGEST_INPUT);
  return isShort ? `${name}: ${before ?? 'not there'} → ${after ?? 'gone'}` : name;
}

/** Which inputs changed since what the channel names; null when nobody can tell. */
async function changedSince(way: Way, plan: BuildPlan, imageId: string): Promise<readonly string[] | null> {
  const since = await findSince(way.connection.clients, plan, imageId).catch((error: unknown) => {
    // The image is gone, or its record is of another version: that is no reason not to bake.
    if (error instanceof EcsHostError) return null;
    throw error;
  });
  if (since === null || (!since.isSame && since.changed.length === 0)) return null;
  return since.changed.map(changeText);
}

/** The plan, and what it would change: nothing but questions. @returns null when there is something to bake */
async function planItem(way: Way, planning: Planning, force: boolean): Promise<Stands | null> {
  const { session, connection, item, facts } = way;
  const stands = await lookForStanding(session, connection, planning, { force });
  const { plan } = await planning.planned();
  facts.plan = plan;
  using release = createReleaseClients(connection, connection.keys);
  facts.previousImageId = await nightlyImage(release.ssm, item.profile);
  if (facts.previousImageId !== null) facts.changed = await changedSince(way, plan, facts.previousImageId);
  facts.imageId = stands?.standing.imageId ?? null;
  const isProven = stands?.standing.verdict === 'passed';
  if (isProven && facts.imageId === facts.previousImageId) facts.status = 'unchanged';
  if (!isProven) await planning.preflight();
  return stands;
}

async function proveItem(way: Way, planning: Planning, stands: Stands | null): Promise<void> {
  const { session, connection, argv, facts } = way;
  const onImage = (imageId: string): void => {
    facts.imageId = imageId;
  };
  const { imageId, proof } = await amiBy(session, connection, { planning, stands, argv, before: [], onImage });
  if (proof === null) return;
  const { result } = proof;
  const baked = stands === null ? ((await readRecord(imageId))?.placement?.tried ?? []) : [];
  facts.checks = countVerdicts(result.checks);
  facts.tried = [...baked, ...(result.placement?.tried ?? [])];
  if (result.verdict !== 'passed') throw verdictError(imageId, result);
}

async function releaseItem({ session, connection, facts }: Way): Promise<void> {
  const { plan, imageId } = facts;
  if (plan === null || imageId === null) return;
  const { endpointUrl, keys } = connection;
  const input = { plan, imageId, ctx: session, endpointUrl, connect: connector(endpointUrl, keys) };
  facts.published = await session.span('release', () => releaseNightly(input));
  facts.status = facts.published.length > 0 ? 'released' : 'unchanged';
}

async function goWay(way: Way, { slots, meeting, force, dryRun }: Shared): Promise<void> {
  const { session, connection, argv, item } = way;
  const made = planningAt(session, connection, argv, AMI);
  const planning = { planned: made.planned, preflight: once(() => made.preflight()) };
  const stands = await slots.use(() => planItem(way, planning, force));
  await meeting.arrive(item);
  session.signal.throwIfAborted();
  if (dryRun) return;
  await slots.use(async () => {
    session.signal.throwIfAborted();
    await proveItem(way, planning, stands);
    await releaseItem(way);
  });
}

/** Never throws: what ended it is its outcome. */
async function nightOf(outer: Session, connection: Connection, item: Item, shared: Shared): Promise<Told> {
  const argv = argvOf(item, shared.loaded);
  const facts: Facts = {
    ...{ plan: null, imageId: null, previousImageId: null, changed: null },
    ...{ published: [], checks: {}, tried: [], status: 'planned' },
  };
  const startedAt = performance.now();
  return withinSession(outer, argv, async (session) => {
    const failure = await outer
      .span(itemName(item), () => goWay({ session, connection, item, argv, facts }, shared))
      .then(
        () => null,
        (error: unknown) => ({ error: session.signal.aborted ? session.signal.reason : error }),
      );
    void shared.meeting.arrive(item);
    const { plan, ...known } = facts;
    const outcome: Outcome = {
      ...item,
      ...known,
      status: failure === null ? facts.status : 'failed',
      runId: session.runId,
      planDigest: plan?.digest ?? null,
      stages: stageTimes(session.spans()),
      durationMs: Math.round(performance.now() - startedAt),
      tried: [...facts.tried, ...triedBefore(failure?.error)],
      failure: failure === null ? null : failureOf(failedStage(session.spans()), failure.error),
    };
    return { outcome, plan };
  });
}

/** What is swept while a session works, whoever does it: a bake and a release begin with a sweep of their own. */
function listening(session: Session): { readonly session: Session; readonly swept: readonly string[] } {
  const swept: string[] = [];
  const { reporter } = session;
  const emit: typeof reporter.emit = (message) => {
    if (message.type === 'note' && message.code === 'SWEPT') swept.push(message.text.replace(/: removed$/, ''));
    reporter.emit(message);
  };
  return { session: { ...session, reporter: { emit, close: () => reporter.close() } }, swept };
}

/** What the runs of this night left, and those that died before it. @returns what could not be removed */
async function sweepAfter(session: Session, { clients }: Connection, runIds: readonly string[]) {
  const { reporter } = session;
  const results = [];
  for (const runId of runIds) results.push(await sweepRun(clients, runId, { reporter }));
  results.push(await sweepDead(clients, { reporter }));
  const removals = results.flatMap((result) => result.removals);
  const name = ({ kind, id, runId }: (typeof removals)[number]): string => `${kind} ${id} of run ${runId}`;
  return removals.filter(({ outcome }) => outcome === 'failed').map((each) => `${name(each)}: ${each.error ?? ''}`);
}

type Told = { readonly outcome: Outcome; readonly plan: BuildPlan | null };
type InRegion = { readonly told: readonly Told[]; readonly swept: Swept | null };

/** Nothing could be asked: what every item of the region ends with. */
function unreachable(items: readonly Item[], error: unknown): Told[] {
  const nothing = { imageId: null, previousImageId: null, planDigest: null, changed: null };
  return items.map((item) => ({
    plan: null,
    outcome: {
      ...item,
      ...nothing,
      ...{ status: 'failed', runId: 'none', stages: [], durationMs: 0, published: [], checks: {}, tried: [] },
      failure: failureOf('connect', error),
    },
  }));
}

/** All items of a region, over one connection, which has the lab stay up for all of them; at last the sweep. */
async function inRegion(outer: Session, items: readonly Item[], shared: Shared): Promise<InRegion> {
  const { region = '', profile = null } = items[0] ?? {};
  const { config, file } = shared.loaded;
  const { session, swept } = listening(outer);
  let told: readonly Told[] | null = null;
  try {
    return await withConnection(
      session,
      { region, profile, configFile: file, json: false },
      async (connection) => {
        told = await allEnded(
          items.map((item) => {
            const selection = select(config, item, file);
            return nightOf(session, { ...connection, selection }, item, shared);
          }),
        );
        if (shared.dryRun) return { told, swept: null };
        const runIds = told.map(({ outcome }) => outcome.runId);
        const failed = await session.span('sweep', () => sweepAfter(session, connection, runIds));
        return { told, swept: { region, removed: swept, failed } };
      },
      async (selection, { isLast }) =>
        isLast ? requirePrograms(AMI.needsOf(transportOf(selection.profile))) : undefined,
    );
  } catch (error) {
    for (const item of items) void shared.meeting.arrive(item);
    return told === null
      ? { told: unreachable(items, session.signal.aborted ? session.signal.reason : error), swept: null }
      : { told, swept: { region, removed: swept, failed: [`what is left: ${reasonOf(error)}`] } };
  }
}

/** A night, and the plans that it made, by the ids of their runs. */
export type NightWithPlans = { readonly night: Night; readonly plans: ReadonlyMap<string, BuildPlan> };

/**
 * Plans all items, and only then bakes, proves and releases them, side by side; whatever fails ends only its own item.
 * At last every region is swept.
 */
export async function runNight(session: Session, options: NightOptions): Promise<NightWithPlans> {
  const { items, jobs } = options;
  const shared: Shared = { ...options, slots: new Slots(jobs), meeting: new Meeting(items) };
  const startedAt = new Date();
  const regions = [...Map.groupBy(items, ({ region }) => region).values()];
  const parts = await allEnded(regions.map((its) => inRegion(session, its, shared)));
  const told = new Map(parts.flatMap((part) => part.told).map((each) => [itemName(each.outcome), each]));
  // As they were asked for, whichever region was ready first.
  const inOrder = items.flatMap((item) => told.get(itemName(item)) ?? []);
  return {
    night: {
      nightVersion: NIGHT_VERSION,
      startedAt: startedAt.toISOString(),
      durationMs: Date.now() - startedAt.getTime(),
      outcomes: inOrder.map(({ outcome }) => outcome),
      swept: parts.flatMap(({ swept }) => swept ?? []),
    },
    plans: new Map(inOrder.flatMap(({ outcome, plan }) => (plan === null ? [] : [[outcome.runId, plan]]))),
  };
}
