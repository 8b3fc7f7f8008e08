import { expect, test } from 'vitest';
import { type InstanceSpec, launchInstance } from '../../src/aws/launch.ts';
import { fakeClients } from '../run/fake-clients.ts';

const spec: InstanceSpec = {
  imageId: 'ami-1',
  instanceType: 't3.medium',
  subnetId: 'subnet-1',
  groupIds: ['sg-1'],
  instanceProfile: 'ecs-host',
  userData: '',
  shutdown: 'terminate',
  tags: [{ Key: 'kind', Value: 'audit' }],
};

async function mappingsOf(more: Partial<InstanceSpec>): Promise<unknown> {
  const { clients, calls } = fakeClients({ RunInstances: () => ({ Instances: [{ InstanceId: 'i-1' }] }) });
  expect(await launchInstance(clients, { ...spec, ...more })).toBe('i-1');
  return calls[0]?.input['BlockDeviceMappings'];
}

const rootVolume = { deviceName: '/dev/xvda', sizeGiB: 32 };
const volumes = [{ deviceName: '/dev/sdf', snapshotId: 'snap-1' }];
const root = {
  DeviceName: '/dev/xvda',
  Ebs: { VolumeSize: 32, VolumeType: 'gp3', Encrypted: true, DeleteOnTermination: true },
};
const data = { DeviceName: '/dev/sdf', Ebs: { SnapshotId: 'snap-1', VolumeType: 'gp3', DeleteOnTermination: true } };

test('volumes of snapshots come beside the root volume, or alone, and go with the instance', async () => {
  expect(await mappingsOf({ volumes })).toEqual([data]);
  expect(await mappingsOf({ rootVolume, volumes })).toEqual([root, data]);
});

test("without either the image's own volumes are taken", async () => {
  expect(await mappingsOf({ rootVolume })).toEqual([root]);
  expect(await mappingsOf({})).toBeUndefined();
});
