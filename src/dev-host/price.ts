/**
 * What hosts cost an hour, on demand, with Linux, in us-east-1 and us-east-2, as AWS's price list has it. Other regions
 * cost more, up to half as much again; a live price list needs a permission that developers rarely have.
 */
const AS_OF = '2025-11';
const REGIONS: ReadonlySet<string> = new Set(['us-east-1', 'us-east-2']);

/** US dollars an hour of the smallest size, and of those that are no multiple of it. */
const PRICES: Readonly<Record<string, number>> = {
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
  'g3s.xlarge': 0.75,
  'g3.4xlarge': 1.14,
  'g4dn.xlarge': 0.526,
  'g4dn.2xlarge': 0.752,
  'g4dn.4xlarge': 1.204,
  'g4dn.8xlarge': 2.176,
  'g5.xlarge': 1.006,
  'g5.2xlarge': 1.212,
  'g5.4xlarge': 1.624,
  'g5.8xlarge': 2.448,
  'g6.xlarge': 0.8048,
  'g6.2xlarge': 0.9776,
  'g6.4xlarge': 1.3232,
  'g6.8xlarge': 2.0144,
};

const GP3_A_GIB_MONTH = 0.08;
const HOURS_A_MONTH = 730;

export type Price = {
  /** US dollars an hour while it runs; null when it is not known. */
  readonly running: number | null;
  /** US dollars an hour for its volume, running or stopped. */
  readonly volume: number | null;
  readonly text: string;
};

function dollars(amount: number): string {
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
  const running = REGIONS.has(host.apiRegion) ? (PRICES[host.instanceType] ?? null) : null;
  const volume = (GP3_A_GIB_MONTH * host.sizeGiB) / HOURS_A_MONTH;
  if (running === null)
    return {
      running,
      volume: null,
      text: `not known here for ${host.instanceType} in ${host.apiRegion}; see aws.amazon.com/ec2/pricing`,
    };
  const text = `${dollars(running)} an hour while it runs, ${dollars(volume)} while it is stopped (list of ${AS_OF})`;
  return { running: running + volume, volume, text };
}
