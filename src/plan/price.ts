/*
 * What hosts cost an hour, on demand, with Linux, in the regions below, for whoever cannot ask AWS's own price list
 * (live-prices.ts), which needs a permission that developers rarely have. Other regions cost up to half as much again.
 */
const REGIONS: ReadonlySet<string> = new Set(['us-east-1', 'us-east-2', 'us-west-2']);

type List = { readonly asOf: string; readonly dollars: Readonly<Record<string, number>> };

/** From instances.vantage.sh by github.com/tsaol/aws-gpu (commit 77fcd9f, data/*_instances.js). */
const WITH_GPU: List = {
  asOf: '2026-01',
  dollars: {
    'g3s.xlarge': 0.75,
    'g3.4xlarge': 1.14,
    'g3.8xlarge': 2.28,
    'g4dn.xlarge': 0.526,
    'g4dn.2xlarge': 0.752,
    'g4dn.4xlarge': 1.204,
    'g4dn.8xlarge': 2.176,
    'g4dn.12xlarge': 3.912,
    'g5.xlarge': 1.006,
    'g5.2xlarge': 1.212,
    'g5.4xlarge': 1.624,
    'g5.8xlarge': 2.448,
    'g5.12xlarge': 5.672,
    'g6.xlarge': 0.8048,
    'g6.2xlarge': 0.9776,
    'g6.4xlarge': 1.3232,
    'g6.8xlarge': 2.0144,
    'g6.12xlarge': 4.6016,
    'g6e.xlarge': 1.861,
    'g6e.2xlarge': 2.24208,
    'g6e.4xlarge': 3.00424,
    'g6e.8xlarge': 4.52856,
  },
};

/** From aws.amazon.com/ec2/pricing. */
const OTHERS: List = {
  asOf: '2025-11',
  dollars: {
    't3.small': 0.0208,
    't3.medium': 0.0416,
    't3.large': 0.0832,
    't3.xlarge': 0.1664,
    't3.2xlarge': 0.3328,
    'm5.large': 0.096,
    'm5.xlarge': 0.192,
    'm5.2xlarge': 0.384,
    'c5.xlarge': 0.17,
    'c5.2xlarge': 0.34,
  },
};

export type Listed = { readonly dollars: number; readonly asOf: string };

/** US dollars an hour while an instance runs, without its volume; null when it is not known here. */
export function listedPrice(instanceType: string, apiRegion: string): Listed | null {
  if (!REGIONS.has(apiRegion)) return null;
  const list = [WITH_GPU, OTHERS].find(({ dollars }) => Object.hasOwn(dollars, instanceType));
  const price = list?.dollars[instanceType];
  return list === undefined || price === undefined ? null : { dollars: price, asOf: list.asOf };
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
