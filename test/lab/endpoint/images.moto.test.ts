import {
  CopyImageCommand,
  CopySnapshotCommand,
  CreateImageCommand,
  CreateSnapshotCommand,
  CreateTagsCommand,
  CreateVolumeCommand,
  DeleteSnapshotCommand,
  DeleteVolumeCommand,
  DeregisterImageCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  type EC2Client,
  ModifyImageAttributeCommand,
  RegisterImageCommand,
  RunInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
  waitUntilImageAvailable,
  waitUntilInstanceRunning,
  waitUntilInstanceStopped,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sharedTempFolder } from '../../support/temp-folder.ts';
import { motoIsInstalled, startEndpoint } from './endpoint-with-moto.ts';

function codeOf(error: unknown): string {
  return (error as { name: string }).name;
}

describe.skipIf(!motoIsInstalled)('images and snapshots at the endpoint', () => {
  let lab: Awaited<ReturnType<typeof startEndpoint>>;
  const folder = sharedTempFolder();
  let ec2: EC2Client;
  let source: { instanceId: string; volumeId: string };

  const wait = (client: EC2Client) => ({ client, maxWaitTime: 10, minDelay: 0.05, maxDelay: 0.1 }) as never;
  const image = async (id: string, client = ec2) =>
    (await client.send(new DescribeImagesCommand({ ImageIds: [id] }))).Images?.[0];
  const snapshot = async (id: string, client = ec2) =>
    (await client.send(new DescribeSnapshotsCommand({ SnapshotIds: [id] }))).Snapshots?.[0];

  beforeAll(async () => {
    lab = await startEndpoint(folder);
    ec2 = lab.ec2();
    const { Instances } = await ec2.send(
      new RunInstancesCommand({
        ImageId: lab.baseImages['us-west-2'],
        InstanceType: 't3.large',
        MinCount: 1,
        MaxCount: 1,
        BlockDeviceMappings: [
          { DeviceName: '/dev/xvda', Ebs: { VolumeSize: 16, Encrypted: true, DeleteOnTermination: true } },
        ],
      }),
    );
    const instanceId = Instances?.[0]?.InstanceId ?? '';
    await waitUntilInstanceRunning(wait(ec2), { InstanceIds: [instanceId] });
    const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [instanceId] }));
    source = { instanceId, volumeId: Reservations?.[0]?.Instances?.[0]?.BlockDeviceMappings?.[0]?.Ebs?.VolumeId ?? '' };
  }, 60_000);
  afterAll(() => lab?.stop());

  test('stops a running source for the copy, as EC2 does without NoReboot, and starts it again', async () => {
    const before = lab.fakes.events.length;
    const { ImageId = '' } = await ec2.send(
      new CreateImageCommand({ InstanceId: source.instanceId, Name: 'rebooting' }),
    );
    await waitUntilImageAvailable(wait(ec2), { ImageIds: [ImageId] });
    const made = await image(ImageId);
    const snapshotId = made?.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId;
    expect(lab.fakes.events.slice(before)).toEqual([
      `stop ${source.instanceId}`,
      `snapshot ${snapshotId} of ${source.volumeId}`,
      `start ${source.instanceId}`,
    ]);
    await expect(
      ec2.send(new CreateImageCommand({ InstanceId: source.instanceId, Name: 'no-reboot', NoReboot: true })),
    ).rejects.toSatisfy((error) => codeOf(error) === 'UnsupportedOperation');
    await expect(ec2.send(new CreateSnapshotCommand({ VolumeId: source.volumeId }))).rejects.toSatisfy(
      (error) => codeOf(error) === 'UnsupportedOperation',
    );
  });

  test('makes an image that is available only when its disk is copied, with size, encryption and tags', async () => {
    await ec2.send(new StopInstancesCommand({ InstanceIds: [source.instanceId] }));
    await waitUntilInstanceStopped(wait(ec2), { InstanceIds: [source.instanceId] });
    const release = lab.fakes.hold('snapshot');
    const { ImageId = '' } = await ec2.send(
      new CreateImageCommand({
        InstanceId: source.instanceId,
        Name: 'baked',
        TagSpecifications: [
          { ResourceType: 'image', Tags: [{ Key: 'ecs-host:profile', Value: 'lab' }] },
          { ResourceType: 'snapshot', Tags: [{ Key: 'ecs-host:profile', Value: 'lab' }] },
        ],
      }),
    );
    expect((await image(ImageId))?.State).toBe('pending');
    await expect(
      ec2.send(new RunInstancesCommand({ ImageId, InstanceType: 't3.large', MinCount: 1, MaxCount: 1 })),
    ).rejects.toSatisfy((error) => codeOf(error) === 'InvalidAMIID.Unavailable');
    release();
    await waitUntilImageAvailable(wait(ec2), { ImageIds: [ImageId] });
    const made = await image(ImageId);
    expect(made).toMatchObject({
      Name: 'baked',
      RootDeviceName: '/dev/xvda',
      RootDeviceType: 'ebs',
      OwnerId: '123456789012',
      EnaSupport: true,
    });
    expect(made?.BlockDeviceMappings?.[0]?.Ebs).toMatchObject({
      VolumeSize: 16,
      Encrypted: true,
      DeleteOnTermination: true,
    });
    const snapshotId = made?.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId ?? '';
    const { Snapshots } = await ec2.send(
      new DescribeSnapshotsCommand({
        OwnerIds: ['self'],
        Filters: [{ Name: 'tag:ecs-host:profile', Values: ['lab'] }],
      }),
    );
    expect(
      Snapshots?.map(({ SnapshotId, State, VolumeSize, Encrypted }) => ({ SnapshotId, State, VolumeSize, Encrypted })),
    ).toEqual([{ SnapshotId: snapshotId, State: 'completed', VolumeSize: 16, Encrypted: true }]);
    await expect(ec2.send(new DeleteSnapshotCommand({ SnapshotId: snapshotId }))).rejects.toSatisfy(
      (error) => codeOf(error) === 'InvalidSnapshot.InUse',
    );
    await expect(ec2.send(new CreateImageCommand({ InstanceId: source.instanceId, Name: 'baked' }))).rejects.toSatisfy(
      (error) => codeOf(error) === 'InvalidAMIName.Duplicate',
    );

    // Packer tags by CreateTags, and sets IMDSv2 by ModifyImageAttribute.
    await ec2.send(new CreateTagsCommand({ Resources: [ImageId, snapshotId], Tags: [{ Key: 'later', Value: 'yes' }] }));
    await ec2.send(new ModifyImageAttributeCommand({ ImageId, ImdsSupport: { Value: 'v2.0' } }));
    await ec2.send(new ModifyImageAttributeCommand({ ImageId, Description: { Value: 'described' } }));
    const { Images } = await ec2.send(
      new DescribeImagesCommand({ Owners: ['self'], Filters: [{ Name: 'tag:later', Values: ['yes'] }] }),
    );
    expect(Images?.[0]).toMatchObject({ ImageId, ImdsSupport: 'v2.0', Description: 'described' });

    const { Instances } = await ec2.send(
      new RunInstancesCommand({ ImageId, InstanceType: 't3.large', MinCount: 1, MaxCount: 1 }),
    );
    expect(Instances?.[0]?.MetadataOptions).toMatchObject({ HttpTokens: 'required' });
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: [Instances?.[0]?.InstanceId ?? ''] }));

    await ec2.send(new DeregisterImageCommand({ ImageId }));
    await ec2.send(new DeleteSnapshotCommand({ SnapshotId: snapshotId }));
    await lab.service.idle();
    expect(lab.fakes.files.has(snapshotId)).toBe(false);
  });

  test('fails an image whose copy fails', async () => {
    lab.fakes.failures.set('snapshot', 'the disk is full');
    const { ImageId = '' } = await ec2.send(new CreateImageCommand({ InstanceId: source.instanceId, Name: 'unlucky' }));
    await expect.poll(async () => (await image(ImageId))?.State).toBe('failed');
    lab.fakes.failures.clear();
    expect((await image(ImageId))?.StateReason?.Message).toContain('the disk is full');
  });

  test('copies images and snapshots between regions, encrypting when asked', async () => {
    const { ImageId = '' } = await ec2.send(new CreateImageCommand({ InstanceId: source.instanceId, Name: 'to-copy' }));
    await waitUntilImageAvailable(wait(ec2), { ImageIds: [ImageId] });
    const east = lab.ec2('us-east-1');
    const { ImageId: copyId = '' } = await east.send(
      new CopyImageCommand({
        SourceImageId: ImageId,
        SourceRegion: 'us-west-2',
        Name: 'copied',
        Encrypted: true,
        TagSpecifications: [{ ResourceType: 'image', Tags: [{ Key: 'copy', Value: 'yes' }] }],
      }),
    );
    await waitUntilImageAvailable(wait(east), { ImageIds: [copyId] });
    const copy = await image(copyId, east);
    expect(copy?.Tags).toEqual([{ Key: 'copy', Value: 'yes' }]);
    const copiedSnapshot = copy?.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId ?? '';
    expect(await snapshot(copiedSnapshot, east)).toMatchObject({ State: 'completed', Encrypted: true, VolumeSize: 16 });
    const { SnapshotId = '' } = await ec2.send(
      new CopySnapshotCommand({ SourceSnapshotId: copiedSnapshot, SourceRegion: 'us-east-1', Description: 'back' }),
    );
    await expect.poll(async () => (await snapshot(SnapshotId))?.State).toBe('completed');
    expect(lab.fakes.events).toContain(`copy ${copiedSnapshot} to ${SnapshotId}`);

    const registered = await ec2.send(
      new RegisterImageCommand({
        Name: 'registered',
        Architecture: 'x86_64',
        RootDeviceName: '/dev/xvda',
        VirtualizationType: 'hvm',
        ImdsSupport: 'v2.0',
        BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId, VolumeSize: 20 } }],
      }),
    );
    expect(await image(registered.ImageId ?? '')).toMatchObject({ ImdsSupport: 'v2.0', State: 'available' });

    const volume = await ec2.send(
      new CreateVolumeCommand({ AvailabilityZone: 'us-west-2a', SnapshotId, VolumeType: 'gp3' }),
    );
    await lab.service.idle();
    expect(lab.fakes.files.has(volume.VolumeId ?? '')).toBe(true);
    await ec2.send(new DeleteVolumeCommand({ VolumeId: volume.VolumeId }));
    await lab.service.idle();
    expect(lab.fakes.files.has(volume.VolumeId ?? '')).toBe(false);
  });

  test('snapshots the volume of a stopped instance', async () => {
    const { SnapshotId = '' } = await ec2.send(
      new CreateSnapshotCommand({
        VolumeId: source.volumeId,
        TagSpecifications: [{ ResourceType: 'snapshot', Tags: [{ Key: 'kind', Value: 'own' }] }],
      }),
    );
    await expect.poll(async () => (await snapshot(SnapshotId))?.State).toBe('completed');
    expect((await snapshot(SnapshotId))?.Tags).toEqual([{ Key: 'kind', Value: 'own' }]);
  });

  test('keeps images, tags and ids over a restart, ends what ran, and fails what was half done', async () => {
    const names = async (client: EC2Client) =>
      (await client.send(new DescribeImagesCommand({ Owners: ['self'] }))).Images?.map(
        ({ Name, ImageId, State, Tags }) => [Name, ImageId, State, Tags],
      ).sort();
    const before = await names(ec2);
    const release = lab.fakes.hold('snapshot');
    const { ImageId: half = '' } = await ec2.send(
      new CreateImageCommand({ InstanceId: source.instanceId, Name: 'half' }),
    );
    const stopping = lab.stop();
    // A daemon that is killed never reports the end of the copy: the fake copy ends after moto is gone.
    lab.fakes.failures.set('snapshot', 'gone');
    release();
    await stopping;
    lab = await startEndpoint(folder);
    ec2 = lab.ec2();
    expect(lab.loaded).toBe('loaded');
    expect(lab.reconciled.ended).toEqual([source.instanceId]);
    expect((await names(ec2))?.filter(([name]) => name !== 'half')).toEqual(before);
    expect((await image(half))?.State).toBe('failed');
    const { Volumes } = await ec2.send(new DescribeVolumesCommand({}));
    expect(Volumes).toEqual([]);
    const { Images } = await ec2.send(new DescribeImagesCommand({ Owners: ['136693071363'] }));
    expect(Images?.map(({ ImageId }) => ImageId)).toEqual([lab.baseImages['us-west-2']]);
  }, 60_000);
});
