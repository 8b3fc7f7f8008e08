import type { Transport } from './build-plan.ts';
import type { Choice, LeftOut, Placement } from './placement.ts';
import type { WayOut } from './way-out.ts';

export type SubnetFacts = {
  readonly id: string;
  readonly vpcId: string;
  readonly zone: string;
  /** `availability-zone`, `local-zone` or `wavelength-zone`. */
  readonly zoneType: string;
  readonly isZoneUp: boolean;
  readonly givesPublicAddress: boolean;
  readonly freeAddresses: number;
  readonly wayOut: WayOut | null;
};

export type ChoiceInput = {
  /** In order of preference. */
  readonly instanceTypes: readonly string[];
  readonly transport: Transport;
  /** Of the security group, so of everything. */
  readonly vpcId: string;
  readonly subnets: readonly SubnetFacts[];
  /** The zones that offer a type, by type. */
  readonly offered: ReadonlyMap<string, ReadonlySet<string>>;
  /** Whether hosts.yaml names the subnets: then a Local Zone is meant. */
  readonly isNamed: boolean;
  /** Whether Session Manager can be reached without a way out of the VPC. */
  readonly hasEndpoints: boolean;
};

/** The two instances of a smoke test. */
const LEAST_ADDRESSES = 2;
const ORDINARY = 'availability-zone';

type Fit = Pick<Placement, 'public' | 'reason'> & { readonly rank: number };

/** Whether an instance there is reached and reaches what it needs; a text says why not. */
function reachOf(subnet: SubnetFacts, { transport, hasEndpoints }: ChoiceInput): Fit | string {
  const { wayOut, givesPublicAddress } = subnet;
  if (wayOut?.kind === 'internet gateway') {
    if (givesPublicAddress) return { public: true, reason: `public, by ${wayOut.id}`, rank: 0 };
    if (transport === 'ssh' || !hasEndpoints)
      return `gives no public address (MapPublicIpOnLaunch is off), without which ${wayOut.id} leads nowhere`;
  }
  if (transport === 'ssh')
    return wayOut === null
      ? 'has no route to an internet gateway'
      : `is private (${wayOut.id}), and ssh goes to a public address`;
  if (wayOut !== null && wayOut.kind !== 'internet gateway')
    return { public: false, reason: `private, by ${wayOut.kind} ${wayOut.id}`, rank: 1 };
  return hasEndpoints
    ? { public: false, reason: 'private, by VPC endpoints of Session Manager alone', rank: 2 }
    : 'has no way out: no route to a gateway, and no VPC endpoints for ssm and ssmmessages';
}

/** What holds for every type. */
function fitOf(subnet: SubnetFacts, input: ChoiceInput): Fit | string {
  const { vpcId, isNamed } = input;
  if (subnet.vpcId !== vpcId) return `is in ${subnet.vpcId}, and the security group in ${vpcId}`;
  if (!isNamed && subnet.zoneType !== ORDINARY)
    return `is in a ${subnet.zoneType}, which is taken only when subnetIds names it`;
  if (!subnet.isZoneUp) return 'its zone is impaired';
  if (subnet.freeAddresses < LEAST_ADDRESSES) return `has ${subnet.freeAddresses} free addresses`;
  return reachOf(subnet, input);
}

/** One subnet a zone: public before private, then by name, so that two plans of one day agree. */
function bestOfZones(subnets: readonly (SubnetFacts & Fit)[]): Map<string, SubnetFacts & Fit> {
  const best = new Map<string, SubnetFacts & Fit>();
  const sorted = subnets.toSorted(
    (a, b) => a.zone.localeCompare(b.zone) || a.rank - b.rank || a.id.localeCompare(b.id),
  );
  for (const subnet of sorted) if (!best.has(subnet.zone)) best.set(subnet.zone, subnet);
  return best;
}

/**
 * Where instances may be launched, in the order in which it is tried: types as the profile has them, within a type the
 * zones with a way in from outside, and these by name. Pure.
 */
export function choosePlacements(input: ChoiceInput): Choice {
  const considered: LeftOut[] = [];
  const leave = ({ id, zone }: SubnetFacts, reason: string, instanceType: string | null = null): void => {
    considered.push({ instanceType, zone, subnetId: id, reason });
  };
  const fit: (SubnetFacts & Fit)[] = [];
  for (const subnet of input.subnets) {
    const found = fitOf(subnet, input);
    if (typeof found === 'string') leave(subnet, found);
    else fit.push({ ...subnet, ...found });
  }
  const zones = bestOfZones(fit);
  // Where an instance gets a public address comes first: what looks at it from outside reaches only that.
  const ordered = [...zones.values()].toSorted((a, b) => a.rank - b.rank || a.zone.localeCompare(b.zone));
  for (const subnet of fit) {
    const taken = zones.get(subnet.zone);
    if (taken !== undefined && taken.id !== subnet.id) leave(subnet, `its zone has ${taken.id} already`);
  }
  const placements = input.instanceTypes.flatMap((instanceType) =>
    ordered.flatMap((subnet): Placement[] => {
      const { zone, id: subnetId, public: isPublic, reason } = subnet;
      if (input.offered.get(instanceType)?.has(zone) === true)
        return [{ instanceType, zone, subnetId, public: isPublic, reason }];
      leave(subnet, `${zone} does not offer ${instanceType}`, instanceType);
      return [];
    }),
  );
  return { placements, considered };
}
