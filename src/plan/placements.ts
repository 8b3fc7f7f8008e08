import {
  type _InstanceType,
  DescribeAvailabilityZonesCommand,
  DescribeInstanceTypeOfferingsCommand,
  DescribeRouteTablesCommand,
  DescribeSubnetsCommand,
  DescribeVpcEndpointsCommand,
  type EC2Client,
  type Subnet,
} from '@aws-sdk/client-ec2';
import { type EcsHostError, userError } from '../io/errors.ts';
import type { Transport } from './build-plan.ts';
import { choosePlacements, type SubnetFacts } from './choose-placements.ts';
import type { Choice, LeftOut } from './placement.ts';
import { wayOutOf } from './way-out.ts';

export type PlacementsQuery = {
  /** As hosts.yaml names it. */
  readonly region: string;
  readonly vpcId: string;
  /** The only ones that may be taken; null for any of the VPC. */
  readonly subnetIds: readonly string[] | null;
  readonly instanceTypes: readonly string[];
  readonly transport: Transport;
};

type Page = { readonly NextToken?: string | undefined };

async function everyPage<P extends Page, T>(ask: (NextToken?: string) => Promise<P>, items: (page: P) => T[]) {
  const all: T[] = [];
  let token: string | undefined;
  do {
    const page = await ask(token);
    all.push(...items(page));
    token = page.NextToken;
  } while (token);
  return all;
}

function next(NextToken?: string) {
  return NextToken === undefined ? {} : { NextToken };
}

function filter(name: string, values: readonly string[]) {
  return { Filters: [{ Name: name, Values: [...values] }] };
}

/** Filters, because an id that is not there would be an error of the call. */
function subnetsOf(ec2: EC2Client, { vpcId, subnetIds }: PlacementsQuery): Promise<Subnet[]> {
  const by = subnetIds === null ? filter('vpc-id', [vpcId]) : filter('subnet-id', subnetIds);
  return everyPage(
    (token) => ec2.send(new DescribeSubnetsCommand({ ...by, ...next(token) })),
    ({ Subnets = [] }) => Subnets,
  );
}

async function offeringsOf(ec2: EC2Client, instanceTypes: readonly string[]): Promise<Map<string, Set<string>>> {
  const offerings = await everyPage(
    (token) =>
      ec2.send(
        new DescribeInstanceTypeOfferingsCommand({
          LocationType: 'availability-zone',
          ...filter('instance-type', instanceTypes),
          ...next(token),
        }),
      ),
    ({ InstanceTypeOfferings = [] }) => InstanceTypeOfferings,
  );
  return new Map(
    instanceTypes.map((type) => {
      const ofType = offerings.filter(({ InstanceType }) => InstanceType === (type as _InstanceType));
      return [type, new Set(ofType.map(({ Location = '' }) => Location))];
    }),
  );
}

const OF_SESSION_MANAGER = ['ssm', 'ssmmessages'];

/** Asked only when some subnet has no other way. */
async function hasEndpoints(ec2: EC2Client, vpcId: string): Promise<boolean> {
  const endpoints = await everyPage(
    (token) => ec2.send(new DescribeVpcEndpointsCommand({ ...filter('vpc-id', [vpcId]), ...next(token) })),
    ({ VpcEndpoints = [] }) => VpcEndpoints,
  );
  const there = endpoints
    .filter(({ State, PrivateDnsEnabled }) => String(State).toLowerCase() === 'available' && PrivateDnsEnabled === true)
    .map(({ ServiceName = '' }) => ServiceName.split('.').at(-1));
  return OF_SESSION_MANAGER.every((service) => there.includes(service));
}

async function subnetFacts(ec2: EC2Client, query: PlacementsQuery): Promise<SubnetFacts[]> {
  const [subnets, zones, tables] = await Promise.all([
    subnetsOf(ec2, query),
    ec2.send(new DescribeAvailabilityZonesCommand({})),
    everyPage(
      (token) => ec2.send(new DescribeRouteTablesCommand({ ...filter('vpc-id', [query.vpcId]), ...next(token) })),
      ({ RouteTables = [] }) => RouteTables,
    ),
  ]);
  return subnets.map((subnet) => {
    const { SubnetId: id = '', VpcId: vpcId = '', AvailabilityZone: zone = '' } = subnet;
    const known = zones.AvailabilityZones?.find(({ ZoneName }) => ZoneName === zone);
    return {
      ...{ id, vpcId, zone },
      zoneType: known?.ZoneType ?? 'zone that this account has not opted into',
      isZoneUp: known?.State === 'available',
      givesPublicAddress: subnet.MapPublicIpOnLaunch === true,
      freeAddresses: subnet.AvailableIpAddressCount ?? 0,
      wayOut: wayOutOf(id, tables),
    };
  });
}

function nowhere(query: PlacementsQuery, considered: readonly LeftOut[]): EcsHostError {
  const types = query.instanceTypes.join(' or ');
  return userError(
    'PLACEMENT_NONE',
    `No subnet in ${query.region} can hold an instance of type ${types}.`,
    `name another with subnetIds (regions.${query.region}), give one a way out, or add to instanceTypes`,
    considered.map(({ subnetId, zone, reason }) => ({ where: `${subnetId} (${zone})`, reason })),
  );
}

function assertThere(query: PlacementsQuery, found: readonly SubnetFacts[]): void {
  const { region, vpcId, subnetIds } = query;
  const gone = (subnetIds ?? []).filter((id) => !found.some((subnet) => subnet.id === id));
  if (gone.length > 0)
    throw userError(
      'SUBNET_NOT_FOUND',
      `There is no subnet ${gone.join(', ')} in ${region}.`,
      `correct subnetIds (regions.${region})`,
    );
  if (found.length === 0)
    throw userError(
      'SUBNET_NOT_FOUND',
      `${vpcId} in ${region} has no subnet.`,
      'create one, or move the security group to a VPC that has one',
    );
}

/**
 * Asks the region where an instance can be launched and reached.
 *
 * @throws EcsHostError (user) `SUBNET_NOT_FOUND`; `PLACEMENT_NONE` with every subnet and why it was left
 */
export async function findPlacements(ec2: EC2Client, query: PlacementsQuery): Promise<Choice> {
  const [subnets, offered] = await Promise.all([subnetFacts(ec2, query), offeringsOf(ec2, query.instanceTypes)]);
  assertThere(query, subnets);
  const { vpcId, subnetIds, transport, instanceTypes } = query;
  const isStranded = subnets.some(({ wayOut, givesPublicAddress }) =>
    wayOut?.kind === 'internet gateway' ? !givesPublicAddress : wayOut === null,
  );
  const choice = choosePlacements({
    ...{ instanceTypes, transport, vpcId, subnets, offered },
    isNamed: subnetIds !== null,
    hasEndpoints: transport === 'session-manager' && isStranded && (await hasEndpoints(ec2, vpcId)),
  });
  if (choice.placements.length === 0) throw nowhere(query, choice.considered);
  return choice;
}
