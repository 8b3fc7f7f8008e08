import { factsOf } from '../config/instance-types.ts';

/*
 * What hosts cost an hour, on demand, with Linux, for whoever cannot ask AWS's own price list (live-prices.ts), which
 * needs a permission that developers rarely have. These regions have the prices of us-east-1; others cost up to half as
 * much again.
 */
const REGIONS: ReadonlySet<string> = new Set(['us-east-1', 'us-east-2', 'us-west-2']);

/** Of the list that scripts/generate/instance-types.tsv was made from. */
const AS_OF = '2026-07';

export type Listed = { readonly dollars: number; readonly asOf: string };

/** US dollars an hour while an instance runs, without its volume; null when it is not known here. */
export function listedPrice(instanceType: string, apiRegion: string): Listed | null {
  const dollars = REGIONS.has(apiRegion) ? (factsOf(instanceType)?.usdPerHour ?? null) : null;
  return dollars === null ? null : { dollars, asOf: AS_OF };
}

const GP3_A_GIB_MONTH = 0.08;
const HOURS_A_MONTH = 730;

export type Price = {
  /** US dollars an hour while it runs; null when it is not known. */
  readonly running: number | null;
  /** US dollars an hour for its volume, running or stopped. */
  readonly volume: number | null;
  readonly text: string;
};

export function dollarText(amount: number): string {
  return `$${amount < 0.01 ? amount.toFixed(4) : amount.toFixed(amount < 1 ? 3 : 2)}`;
}

/** Pure. */
export function priceOf(host: {
  readonly instanceType: string;
  readonly apiRegion: string;
  readonly sizeGiB: number;
  readonly isLab: boolean;
}): Price {
  if (host.isLab) return { running: 0, volume: 0, text: 'nothing: it runs on this machine' };
  const listed = listedPrice(host.instanceType, host.apiRegion);
  const volume = (GP3_A_GIB_MONTH * host.sizeGiB) / HOURS_A_MONTH;
  if (listed === null)
    return {
      running: null,
      volume: null,
      text: `not known here for ${host.instanceType} in ${host.apiRegion}; see aws.amazon.com/ec2/pricing`,
    };
  const text = `${dollarText(listed.dollars)} an hour while it runs, ${dollarText(volume)} while it is stopped (list of ${listed.asOf})`;
  return { running: listed.dollars + volume, volume, text };
}
