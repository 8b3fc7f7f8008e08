import { expect, test } from 'vitest';
import { launchDevHost } from '../../src/dev-host/launch.ts';
import type { BuildPlan } from '../../src/plan/build-plan.ts';
import { Releases } from '../../src/run/releases.ts';
import { apiError, fakeClients } from '../run/fake-clients.ts';

const placements = ['g5.xlarge', 'g6.xlarge'].map((instanceType) => ({
  ...{ instanceType, zone: 'us-east-2a', subnetId: 'subnet-a', public: true, reason: '' },
}));
const plan = {
  ...{ profile: 'p', region: 'us-east-2', apiRegion: 'us-east-2', instanceProfile: 'ecs-host', placements },
  rootVolume: { sizeGiB: 32 },
  network: { transport: 'session-manager', sshUser: 'ubuntu', securityGroup: { id: 'sg-1', name: 'group' } },
} as unknown as BuildPlan;

test('a dev host goes where there is room, as a bake does', async () => {
  const { clients, calls } = fakeClients({
    RunInstances: (input) => {
      if (input['InstanceType'] === 'g5.xlarge') throw apiError('VcpuLimitExceeded');
      return { Instances: [{ InstanceId: 'i-1' }] };
    },
  });
  const codes: string[] = [];
  const reporter = {
    emit: (message: object) => codes.push(String((message as { code?: string }).code)),
    close: async () => {},
  };
  const launch = {
    ...{ clients, reporter, plan, runId: 'r-1', name: 'main', user: 'me', ttlMinutes: 60, idleMinutes: 0 },
    ...{ source: { imageId: 'ami-1', rootDeviceName: '/dev/sda1' } as never, authorizedKeys: ['ssh-ed25519 AAAA'] },
  };
  expect(await launchDevHost(launch, new Releases(reporter))).toBe('i-1');
  expect(calls.map(({ input }) => input['InstanceType'])).toEqual(['g5.xlarge', 'g6.xlarge']);
  expect(codes).toEqual(['PLACEMENT_LEFT']);
});
