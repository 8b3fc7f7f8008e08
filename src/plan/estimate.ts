import { formatDuration } from '../io/duration.ts';
import { dollarText, type Listed, listedPrice } from './price.ts';

/** How long a run usually took on this machine, and what its instances cost. */
export type Estimate = {
  /** Medians of earlier runs; null when none ended well here yet. */
  readonly bakeMs: number | null;
  readonly smokeMs: number | null;
  /** Of each type of the plan; null for the lab, which costs nothing. */
  readonly prices: readonly { readonly instanceType: string; readonly listed: Listed | null }[] | null;
};

const HOUR_MS = 3600_000;
/** A bake runs one instance, a smoke test two. */
const SMOKE_INSTANCES = 2;

/** Live where AWS's price list could be asked, else as of the list that this version has. */
export function pricesOf(
  instanceTypes: readonly string[],
  apiRegion: string,
  live: ReadonlyMap<string, number>,
): NonNullable<Estimate['prices']> {
  return instanceTypes.map((instanceType) => {
    const now = live.get(instanceType);
    return {
      instanceType,
      listed: now === undefined ? listedPrice(instanceType, apiRegion) : { dollars: now, asOf: 'now' },
    };
  });
}

function timeText({ bakeMs, smokeMs }: Estimate): string {
  if (bakeMs === null) return 'not known: no such run has ended well on this machine';
  const smoke = smokeMs === null ? '' : `, its proof ${formatDuration(smokeMs)}`;
  return `a bake ${formatDuration(bakeMs)}${smoke}, by the last runs on this machine`;
}

function priceText(instanceType: string, listed: Listed | null, { bakeMs, smokeMs }: Estimate): string {
  if (listed === null) return `${instanceType}: not known; see aws.amazon.com/ec2/pricing`;
  const { dollars, asOf } = listed;
  const hour = `${instanceType}: ${dollarText(dollars)} an hour (list of ${asOf})`;
  if (bakeMs === null) return hour;
  const hours = (bakeMs + SMOKE_INSTANCES * (smokeMs ?? 0)) / HOUR_MS;
  return `${hour}, about ${dollarText(dollars * hours)} for such a run`;
}

/** Lines for people: label and text. Pure. */
export function estimateRows(estimate: Estimate): [label: string, text: string][] {
  const { prices } = estimate;
  return [
    ['time', timeText(estimate)],
    ...(prices === null
      ? [['price', 'nothing: it runs on this machine'] as [string, string]]
      : prices.map(({ instanceType, listed }): [string, string] => [
          'price',
          priceText(instanceType, listed, estimate),
        ])),
  ];
}
