import type { ImageRecord } from '../../image/image-record.ts';
import { listRecords } from '../../image/image-store.ts';
import { EcsHostError, userError } from '../../io/errors.ts';
import type { Reporter } from '../../io/reporter.ts';
import { sideBySide } from '../../io/side-by-side.ts';
import { tableLines } from '../../io/table.ts';
import { resultWidth } from '../../io/text.ts';
import { dollarText } from '../../plan/price.ts';
import { lookEverywhere, type Place } from '../../release/place.ts';
import { applyPrune, type Pruned } from '../../release/prune/apply.ts';
import { type PrunePlan, planPrune } from '../../release/prune/plan-prune.ts';
import type { PruneChannel, PruneRules } from '../../release/prune/select.ts';
import { quietly, textOf } from '../arguments.ts';
import { printResult } from '../json.ts';
import { minutesOf } from '../minutes.ts';
import { onePerApi, regionNames, withPlaces } from '../release-regions.ts';
import { type Session, withSession } from '../session.ts';

const DAY_MINUTES = 24 * 60;
const REGIONS_AT_ONCE = 5;

function rulesOf(argv: Record<string, unknown>): PruneRules {
  const bounds = { fallback: 30 * DAY_MINUTES, least: 0, most: 3653 * DAY_MINUTES };
  const keep = Number(argv['keep']);
  if (!Number.isInteger(keep) || keep < 0)
    throw userError('USAGE', `--keep is ${keep}.`, 'it takes a whole number, 0 or more');
  return {
    olderThanMs: minutesOf(argv, 'older-than', bounds) * 60_000,
    keep,
    channel: textOf(argv, 'channel') as PruneChannel | null,
    profile: textOf(argv, 'profile'),
    now: Date.now(),
  };
}

/** Null for all of hosts.yaml, with whatever profiles. */
function namesOf(argv: Record<string, unknown>): string[] | null {
  const names = regionNames(argv);
  if (argv['allRegions'] !== true) return names ?? ['local'];
  if (names !== null) throw userError('USAGE', '--region and --all-regions were both given.', 'give one of them');
  return null;
}

function documentOf({ place, prunable, spared }: PrunePlan): object {
  return {
    region: place.regionName,
    apiRegion: place.apiRegion,
    prunable: prunable.map(({ image, reason, snapshotIds, size }) => ({
      imageId: image.imageId,
      imageName: image.imageName,
      profile: image.profile,
      createdAt: image.createdAt,
      verdict: image.verdict,
      reason,
      snapshotIds,
      ...size,
    })),
    spared: spared.map(({ image, reason }) => ({ imageId: image.imageId, profile: image.profile, reason })),
  };
}

function planLines(plans: readonly PrunePlan[]): string[] {
  const rows = plans.flatMap(({ place, prunable }) =>
    prunable.map(({ image, reason, size }) => [
      place.regionName,
      image.imageId,
      image.profile,
      image.createdAt.slice(0, 10),
      `${size.gib.toFixed(1)} GiB`,
      `${dollarText(size.usdAMonth)}`,
      reason,
    ]),
  );
  const head = ['region', 'image', 'profile', 'created', 'at most', 'a month', 'why'];
  const spared = plans.reduce((sum, plan) => sum + plan.spared.length, 0);
  return [...(rows.length === 0 ? [] : tableLines(head, rows, resultWidth())), summaryLine(plans, spared)];
}

function totalsOf(plans: readonly PrunePlan[]): { images: number; gib: number; usdAMonth: number } {
  const sizes = plans.flatMap(({ prunable }) => prunable.map(({ size }) => size));
  const sum = (of: (size: (typeof sizes)[number]) => number): number =>
    sizes.reduce((total, size) => total + of(size), 0);
  return { images: sizes.length, gib: sum(({ gib }) => gib), usdAMonth: sum(({ usdAMonth }) => usdAMonth) };
}

function summaryLine(plans: readonly PrunePlan[], spared: number): string {
  const { images, gib, usdAMonth } = totalsOf(plans);
  const stays = `${spared} ${spared === 1 ? 'stays' : 'stay'} (--json says why)`;
  if (images === 0) return `nothing to prune; ${stays}`;
  const size = `at most ${gib.toFixed(1)} GiB of snapshots, ${dollarText(usdAMonth)} a month`;
  return `${images} ${images === 1 ? 'image' : 'images'} to prune, ${size}; ${stays}`;
}

function tell(reporter: Reporter, { region, imageId, outcome, reason }: Pruned): void {
  const text = `${region}: ${imageId} ${outcome}${reason === null ? '' : `: ${reason}`}`;
  if (outcome === 'failed') reporter.emit({ type: 'warning', code: 'PRUNE_FAILED', text });
  else reporter.emit({ type: 'note', code: 'PRUNED', text });
}

async function carryOut(session: Session, plans: readonly PrunePlan[]): Promise<readonly Pruned[]> {
  const done: Pruned[] = [];
  const onDone = (pruned: Pruned): void => {
    done.push(pruned);
    tell(session.reporter, pruned);
  };
  await session.span('prune', () =>
    sideBySide(plans, REGIONS_AT_ONCE, (plan) => applyPrune(plan, { signal: session.signal, onDone })),
  );
  const left = totalsOf(plans).images - done.length;
  if (left === 0) return done;
  throw new EcsHostError('interrupted', 'PRUNE_INTERRUPTED', `Interrupted; ${left} images were not looked at.`, {
    hint: 'the same command goes on',
    details: done.map(({ region, imageId, outcome }) => ({ where: region, reason: `${imageId} ${outcome}` })),
  });
}

/** Those of here: a record says nothing of an image elsewhere. */
async function recordsOf(session: Session, endpointUrl: string | null): Promise<(place: Place) => ImageRecord[]> {
  const { records } = await listRecords(session.reporter);
  const ofWorld = records.filter((record) => (record.endpointUrl === null) === (endpointUrl === null));
  return ({ apiRegion }) => ofWorld.filter((record) => record.apiRegion === apiRegion);
}

/** `ecs-host prune`: shows which images nothing needs, and with `--yes` deletes them. */
export async function prune(argv: Record<string, unknown>): Promise<number> {
  const rules = rulesOf(argv);
  const names = namesOf(argv);
  const json = argv['json'] === true;
  const dryRun = argv['yes'] !== true;
  const { plans, done } = await withSession(
    quietly(argv),
    (session) =>
      withPlaces(session, { ...argv, profile: undefined }, names, async (places, endpointUrl) => {
        const records = await recordsOf(session, endpointUrl);
        const look = (place: Place): Promise<PrunePlan> => planPrune(place, rules, records(place));
        const plans = await session.span('look', () => lookEverywhere(onePerApi(places), look));
        if (!dryRun && !json) process.stdout.write(`${planLines(plans).join('\n')}\n`);
        session.signal.throwIfAborted();
        return { plans, done: dryRun ? [] : await carryOut(session, plans) };
      }),
    { keeps: true },
  );
  const count = (outcome: Pruned['outcome']): number => done.filter((each) => each.outcome === outcome).length;
  const others = (['protected', 'spared', 'failed'] as const).flatMap((outcome) =>
    count(outcome) === 0 ? [] : [`${count(outcome)} ${outcome}`],
  );
  printResult(
    json,
    { type: 'prune', dryRun, regions: plans.map(documentOf), totals: totalsOf(plans), done },
    dryRun
      ? [...planLines(plans), ...(totalsOf(plans).images === 0 ? [] : ['--yes does it'])]
      : [[`${count('pruned')} pruned`, ...others].join(', ')],
  );
  return count('failed') > 0 ? 3 : 0;
}
