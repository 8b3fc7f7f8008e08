import { expect, test } from 'vitest';
import type { BuildPlan } from '../../src/plan/build-plan.ts';
import { Releases } from '../../src/run/releases.ts';
import { launchWhereRoomIs } from '../../src/smoke/launch-where-room-is.ts';
import { apiError, fakeClients } from '../run/fake-clients.ts';

const placements = ['a', 'b'].map((zone) => ({
  ...{ instanceType: 'g5.xlarge', zone: `us-east-2${zone}`, subnetId: `subnet-${zone}`, public: true, reason: '' },
}));
const plan = {
  ...{ region: 'us-east-2', apiRegion: 'us-east-2', instanceProfile: 'ecs-host', placements },
  network: { securityGroup: { id: 'sg-1', name: 'group' } },
} as unknown as BuildPlan;
const reporter = { emit: () => {}, close: async () => {} };
const WANTED = { count: 2, keyName: 'k', groupIds: [], userData: '' };

function idsIn(input: Readonly<Record<string, unknown>>): readonly string[] {
  return input['InstanceIds'] as string[];
}

/** EC2 that launches what `refuse` lets it, and whose instances of a zone may end before they run. */
function ec2(refuse: (subnetId: string) => boolean, endsIn: string | null = null) {
  const zones = new Map<string, string>();
  const terminated = new Set<string>();
  const taught = fakeClients({
    RunInstances: (input) => {
      const subnetId = String(input['SubnetId']);
      if (refuse(subnetId)) throw apiError('InsufficientInstanceCapacity');
      const InstanceId = `i-${zones.size + 1}`;
      zones.set(InstanceId, subnetId);
      return { Instances: [{ InstanceId }] };
    },
    TerminateInstances: (input) => {
      for (const id of idsIn(input)) terminated.add(id);
      return {};
    },
    DescribeInstances: (input) => {
      const [id = ''] = idsIn(input);
      const hasEnded = terminated.has(id) || zones.get(id) === endsIn;
      const StateReason = { Code: 'Server.InsufficientInstanceCapacity', Message: 'no room' };
      const state = hasEnded
        ? { State: { Name: 'terminated' }, StateReason }
        : { State: { Name: 'running' }, PublicIpAddress: '192.0.2.1' };
      return { Reservations: [{ Instances: [{ InstanceId: id, ...state }] }] };
    },
  });
  const launch = {
    plan,
    imageId: 'ami-1',
    runId: 'r-1',
    clients: taught.clients,
    signal: new AbortController().signal,
  };
  return { launch, zones, terminated };
}

test('where only one of two has room, it goes too, and both are launched in the next zone', async () => {
  let asked = 0;
  const { launch, zones, terminated } = ec2((subnetId) => subnetId === 'subnet-a' && ++asked === 2);
  const releases = new Releases(reporter);
  const { result, placement } = await launchWhereRoomIs(launch, WANTED, { releases, reporter });
  expect(result.map(({ instanceId }) => zones.get(instanceId))).toEqual(['subnet-b', 'subnet-b']);
  expect([...terminated]).toEqual(['i-1']);
  expect(placement).toMatchObject({
    used: { zone: 'us-east-2b' },
    tried: [{ zone: 'us-east-2a', code: 'InsufficientInstanceCapacity' }],
  });
  await releases.all();
  expect([...terminated]).toEqual(['i-1', 'i-2', 'i-3']);
});

test('an instance that ends of a shortage before it runs is one that was not launched', async () => {
  const { launch, zones, terminated } = ec2(() => false, 'subnet-a');
  const { result } = await launchWhereRoomIs(launch, WANTED, { releases: new Releases(reporter), reporter });
  expect(result.map(({ instanceId }) => zones.get(instanceId))).toEqual(['subnet-b', 'subnet-b']);
  expect([...terminated]).toEqual(['i-1', 'i-2']);
});
