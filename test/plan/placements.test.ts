import { describe, expect, test } from 'vitest';
import { type ChoiceInput, choosePlacements, type SubnetFacts } from '../../src/plan/choose-placements.ts';
import { findPlacements } from '../../src/plan/placements.ts';
import { wayOutOf } from '../../src/plan/way-out.ts';
import { fakeClients, type Taught } from '../run/fake-clients.ts';

const IGW = { kind: 'internet gateway', id: 'igw-1' } as const;

/** A subnet of a default VPC. */
function subnet(zone: string, change: Partial<SubnetFacts> = {}): SubnetFacts {
  return {
    id: `subnet-${zone}`,
    vpcId: 'vpc-1',
    zone,
    zoneType: 'availability-zone',
    isZoneUp: true,
    givesPublicAddress: true,
    freeAddresses: 4000,
    wayOut: IGW,
    ...change,
  };
}

function choose(subnets: readonly SubnetFacts[], change: Partial<ChoiceInput> = {}) {
  const zones = new Set(subnets.map(({ zone }) => zone));
  const { placements, considered } = choosePlacements({
    instanceTypes: ['g4dn.xlarge'],
    transport: 'session-manager',
    vpcId: 'vpc-1',
    offered: new Map([
      ['g4dn.xlarge', zones],
      ['g5.xlarge', zones],
    ]),
    isNamed: false,
    hasEndpoints: false,
    ...change,
    subnets,
  });
  return {
    taken: placements.map(({ instanceType, zone, subnetId }) => `${instanceType} ${zone} ${subnetId}`),
    placements,
    left: Object.fromEntries(considered.map(({ subnetId, reason }) => [subnetId, reason])),
  };
}

describe('placements', () => {
  test('are types in the order of the profile, and zones by name within a type', () => {
    const { taken } = choose([subnet('b'), subnet('a')], { instanceTypes: ['g5.xlarge', 'g4dn.xlarge'] });
    expect(taken).toEqual([
      'g5.xlarge a subnet-a',
      'g5.xlarge b subnet-b',
      'g4dn.xlarge a subnet-a',
      'g4dn.xlarge b subnet-b',
    ]);
  });

  test('that can be reached from outside come before those that cannot, whatever their zone is called', () => {
    const inside = subnet('a', { givesPublicAddress: false, wayOut: { kind: 'NAT', id: 'nat-1' } });
    expect(choose([inside, subnet('b')]).taken).toEqual(['g4dn.xlarge b subnet-b', 'g4dn.xlarge a subnet-a']);
  });

  test('a Local Zone, whose name sorts first, is taken only when it is named', () => {
    const all = [
      subnet('us-east-1-atl-1a', { zoneType: 'local-zone' }),
      subnet('us-east-1-wl1-bos-wlz-1', { zoneType: 'wavelength-zone' }),
      subnet('us-east-1a'),
    ];
    const { taken, left } = choose(all);
    expect(taken).toEqual(['g4dn.xlarge us-east-1a subnet-us-east-1a']);
    expect(left['subnet-us-east-1-atl-1a']).toContain('local-zone');
    expect(left['subnet-us-east-1-wl1-bos-wlz-1']).toContain('wavelength-zone');
    expect(choose(all, { isNamed: true }).taken).toHaveLength(3);
  });

  test('a zone without the type is left for that type alone', () => {
    const offered = new Map([
      ['g4dn.xlarge', new Set(['us-east-1a'])],
      ['g5.xlarge', new Set(['us-east-1a', 'us-east-1e'])],
    ]);
    const { taken, left } = choose([subnet('us-east-1a'), subnet('us-east-1e')], {
      instanceTypes: ['g4dn.xlarge', 'g5.xlarge'],
      offered,
    });
    expect(taken).toEqual([
      'g4dn.xlarge us-east-1a subnet-us-east-1a',
      'g5.xlarge us-east-1a subnet-us-east-1a',
      'g5.xlarge us-east-1e subnet-us-east-1e',
    ]);
    expect(left['subnet-us-east-1e']).toBe('us-east-1e does not offer g4dn.xlarge');
  });

  const NAT = { wayOut: { kind: 'NAT', id: 'nat-1' }, givesPublicAddress: false } as const;
  const TRANSIT = { wayOut: { kind: 'transit gateway', id: 'tgw-1' }, givesPublicAddress: false } as const;
  const ALONE = { wayOut: null, givesPublicAddress: false };
  const NO_ADDRESS = { givesPublicAddress: false };
  test.each<[string, Partial<SubnetFacts>, Partial<ChoiceInput>, boolean | string]>([
    ['public', {}, {}, true],
    ['public, by ssh', {}, { transport: 'ssh' }, true],
    ['private with NAT', NAT, {}, false],
    ['private with a transit gateway', TRANSIT, {}, false],
    ['private with NAT, by ssh', NAT, { transport: 'ssh' }, 'ssh goes to a public address'],
    ['no route', ALONE, {}, 'has no way out'],
    ['no route, by ssh', ALONE, { transport: 'ssh' }, 'has no route to an internet gateway'],
    ['no route, but endpoints', ALONE, { hasEndpoints: true }, false],
    ['no public address', NO_ADDRESS, {}, 'MapPublicIpOnLaunch is off'],
    ['no public address, but endpoints', NO_ADDRESS, { hasEndpoints: true }, false],
    ['no public address, by ssh', NO_ADDRESS, { transport: 'ssh', hasEndpoints: true }, 'MapPublicIpOnLaunch is off'],
    ['another VPC', { vpcId: 'vpc-2' }, {}, 'is in vpc-2, and the security group in vpc-1'],
    ['one free address', { freeAddresses: 1 }, {}, 'has 1 free addresses'],
    ['an impaired zone', { isZoneUp: false }, {}, 'impaired'],
  ])('%s', (_what, change, input, expected) => {
    const { placements, left } = choose([subnet('a', change)], input);
    if (typeof expected === 'string')
      expect([placements, left['subnet-a']]).toEqual([[], expect.stringContaining(expected)]);
    else expect(placements).toMatchObject([{ public: expected }]);
  });

  test('of two subnets of a zone the public one is taken, and the other is said', () => {
    const { taken, left } = choose([
      subnet('a', { id: 'subnet-0', ...NAT }),
      subnet('a'),
      subnet('a', { id: 'subnet-z' }),
    ]);
    expect(taken).toEqual(['g4dn.xlarge a subnet-a']);
    expect(left).toEqual({ 'subnet-0': 'its zone has subnet-a already', 'subnet-z': 'its zone has subnet-a already' });
  });
});

describe('the way out of a subnet', () => {
  const main = { Associations: [{ Main: true }], Routes: [{ DestinationCidrBlock: '0.0.0.0/0', GatewayId: 'igw-1' }] };
  test.each([
    ['the main table, without its own', [main], IGW],
    ['its own table, though it leads nowhere', [main, { Associations: [{ SubnetId: 's' }], Routes: [] }], null],
    [
      'a NAT instance',
      [{ ...main, Routes: [{ DestinationCidrBlock: '0.0.0.0/0', NetworkInterfaceId: 'eni-1', InstanceId: 'i-1' }] }],
      { kind: 'NAT', id: 'eni-1' },
    ],
    ['a VPN', [{ ...main, Routes: [{ DestinationCidrBlock: '0.0.0.0/0', GatewayId: 'vgw-1' }] }], null],
    [
      'a gateway that is gone',
      [
        {
          ...main,
          Routes: [{ DestinationCidrBlock: '0.0.0.0/0', NatGatewayId: 'nat-1', State: 'blackhole' as const }],
        },
      ],
      null,
    ],
    ['a part of the world', [{ ...main, Routes: [{ DestinationCidrBlock: '10.0.0.0/8', GatewayId: 'igw-1' }] }], null],
  ])('by %s', (_what, tables, expected) => {
    expect(wayOutOf('s', tables)).toEqual(expected);
  });
});

describe('the region is asked', () => {
  const zones = ['a', 'b'].map((ZoneName) => ({ ZoneName, ZoneType: 'availability-zone', State: 'available' }));
  const fact = (SubnetId: string, AvailabilityZone: string) => ({
    ...{ SubnetId, AvailabilityZone, VpcId: 'vpc-1', MapPublicIpOnLaunch: false, AvailableIpAddressCount: 9 },
  });
  function taught(more: Taught = {}): Taught {
    return {
      DescribeSubnets: () => ({ Subnets: [fact('subnet-1', 'a'), fact('subnet-2', 'b')] }),
      DescribeAvailabilityZones: () => ({ AvailabilityZones: zones }),
      DescribeRouteTables: () => ({ RouteTables: [] }),
      DescribeVpcEndpoints: () => ({ VpcEndpoints: [] }),
      DescribeInstanceTypeOfferings: ({ NextToken }: { NextToken?: string }) =>
        NextToken === undefined
          ? { InstanceTypeOfferings: [{ InstanceType: 'g5.xlarge', Location: 'a' }], NextToken: 'more' }
          : { InstanceTypeOfferings: [{ InstanceType: 'g5.xlarge', Location: 'b' }] },
      ...more,
    };
  }
  const query = {
    ...{ region: 'us-east-2', vpcId: 'vpc-1', subnetIds: null, instanceTypes: ['g5.xlarge'] },
    transport: 'session-manager' as const,
  };

  test('where nothing fits, each subnet is told with its reason, in one error', async () => {
    const { clients } = fakeClients(taught());
    await expect(findPlacements(clients.ec2, query)).rejects.toMatchObject({
      ...{ kind: 'user', code: 'PLACEMENT_NONE', hint: expect.stringContaining('regions.us-east-2') },
      details: [
        { where: 'subnet-1 (a)', reason: expect.stringContaining('no way out') },
        { where: 'subnet-2 (b)', reason: expect.stringContaining('no way out') },
      ],
    });
  });

  test('for endpoints of Session Manager only when some subnet has no other way, page by page', async () => {
    const services = ['ssm', 'ssmmessages'].map((name) => ({
      ...{ ServiceName: `com.amazonaws.us-east-2.${name}`, State: 'available', PrivateDnsEnabled: true },
    }));
    const alone = fakeClients(taught({ DescribeVpcEndpoints: () => ({ VpcEndpoints: services }) }));
    const { placements } = await findPlacements(alone.clients.ec2, query);
    expect(placements.map(({ zone }) => zone)).toEqual(['a', 'b']);
    const Routes = [{ DestinationCidrBlock: '0.0.0.0/0', NatGatewayId: 'nat-1' }];
    const nat = fakeClients(
      taught({ DescribeRouteTables: () => ({ RouteTables: [{ Associations: [{ Main: true }], Routes }] }) }),
    );
    await findPlacements(nat.clients.ec2, query);
    expect(nat.calls.map(({ command }) => command)).not.toContain('DescribeVpcEndpoints');
  });

  test('for the subnets that hosts.yaml names, all of which must be there', async () => {
    const { clients, calls } = fakeClients(taught());
    const named = { ...query, subnetIds: ['subnet-1', 'subnet-9'] };
    await expect(findPlacements(clients.ec2, named)).rejects.toMatchObject({
      ...{ code: 'SUBNET_NOT_FOUND', message: 'There is no subnet subnet-9 in us-east-2.' },
    });
    expect(calls.find(({ command }) => command === 'DescribeSubnets')?.input).toEqual({
      Filters: [{ Name: 'subnet-id', Values: ['subnet-1', 'subnet-9'] }],
    });
  });
});
