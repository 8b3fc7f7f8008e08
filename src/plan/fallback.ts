import { EcsHostError } from '../io/errors.ts';
import type { Reporter } from '../io/reporter.ts';
import type { BuildPlan } from './build-plan.ts';
import type { Placement } from './placement.ts';

/** A placement that was tried and left. */
export type Tried = Pick<Placement, 'instanceType' | 'zone' | 'subnetId'> & {
  /** As the API names it. */
  readonly region: string;
  /** EC2's own code. */
  readonly code: string;
  readonly why: string;
};

/** How an instance came to be where it is. */
export type PlacementLog = { readonly used: Placement; readonly tried: readonly Tried[] };

/** What another zone may have. */
const OF_THE_ZONE = [
  'InsufficientInstanceCapacity',
  'InsufficientHostCapacity',
  'InsufficientCapacity',
  'InsufficientFreeAddressesInSubnet',
  'Unsupported',
];
/** What is counted for the whole region: only another type may still fit. */
const OF_THE_TYPE = ['InstanceLimitExceeded', 'VcpuLimitExceeded', 'MaxSpotInstanceCountExceeded'];

export type Shortage = { readonly code: string; readonly isOfType: boolean; readonly why: string };

/** A code of EC2, also as the reason for an instance's end has it (`Server.InsufficientInstanceCapacity`). */
export function shortageOf(name: string, why: string): Shortage | null {
  const code = name.replace(/^(Server|Client)\./, '');
  const isOfType = OF_THE_TYPE.includes(code);
  return isOfType || OF_THE_ZONE.includes(code) ? { code, isOfType, why } : null;
}

/** That a placement has no room; whoever tries placements throws it. */
export class Shortfall extends Error {
  readonly shortage: Shortage;

  constructor(shortage: Shortage, cause: unknown) {
    super(`${shortage.code}: ${shortage.why}`, { cause });
    this.name = 'Shortfall';
    this.shortage = shortage;
  }
}

/** Gives an error of the API back as a shortfall where it is one. */
export function asShortfall(error: unknown): unknown {
  const chain = error instanceof Error ? [error, error.cause] : [];
  for (const each of chain) {
    const shortage = each instanceof Error ? shortageOf(each.name, each.message.trim()) : null;
    if (shortage !== null) return new Shortfall(shortage, error);
  }
  return error;
}

/** Nothing of what the plan allows has room. */
export class NoCapacity extends EcsHostError {
  readonly tried: readonly Tried[];

  constructor(region: string, tried: readonly Tried[], cause: unknown) {
    super('outside', 'NO_CAPACITY', `No zone of ${region} has room for an instance of the plan.`, {
      hint: 'try later, add to instanceTypes, ask AWS for a higher quota; a bake goes to another region with --or-region',
      details: tried.map((each) => ({ where: `${each.instanceType} in ${each.zone}`, reason: each.why })),
      cause,
    });
    this.tried = tried;
  }
}

type Tries = {
  readonly plan: Pick<BuildPlan, 'placements' | 'region' | 'apiRegion'>;
  readonly reporter: Reporter;
};

function describe({ instanceType, zone }: Pick<Placement, 'instanceType' | 'zone'>): string {
  return `${instanceType} in ${zone}`;
}

/** `g6.xlarge in us-east-2b, after g5.xlarge in us-east-2a (VcpuLimitExceeded)`. */
export function placementText(log: PlacementLog | null): string {
  if (log === null) return 'not kept by the version that made the record';
  const tried = log.tried.map((each) => `${describe(each)} (${each.code})`);
  return `${describe(log.used)}${tried.length === 0 ? '' : `, after ${tried.join(', ')}`}`;
}

/**
 * Does `work` in the first placement of the plan that has room. Each that has none is told as it is left.
 *
 * @param work throws a `Shortfall` when nothing is left of what it began
 * @throws NoCapacity (outside) when none has; whatever else `work` throws, at once
 */
export async function inPlacements<T>(
  { plan, reporter }: Tries,
  work: (placement: Placement) => Promise<T>,
): Promise<{ readonly result: T; readonly placement: PlacementLog }> {
  const tried: Tried[] = [];
  let left: readonly Placement[] = plan.placements;
  let cause: unknown;
  for (let used = left[0]; used !== undefined; used = left[0]) {
    const { instanceType, zone, subnetId } = used;
    try {
      return { result: await work(used), placement: { used, tried } };
    } catch (error) {
      if (!(error instanceof Shortfall)) throw error;
      cause = error.cause;
      const { code, why, isOfType } = error.shortage;
      tried.push({ region: plan.apiRegion, instanceType, zone, subnetId, code, why });
      left = left.slice(1).filter((each) => !isOfType || each.instanceType !== instanceType);
      const then = left[0] === undefined ? 'nothing is left to try here' : `next is ${describe(left[0])}`;
      reporter.emit({
        type: 'warning',
        code: 'PLACEMENT_LEFT',
        text: `${describe(used)} has no room (${code}); ${then}.`,
        details: [{ code, where: subnetId, reason: why }],
      });
    }
  }
  throw new NoCapacity(plan.region, tried, cause);
}
