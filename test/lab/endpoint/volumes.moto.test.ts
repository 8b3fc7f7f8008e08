import {
  type BlockDeviceMapping,
  CreateImageCommand,
  CreateSnapshotCommand,
  DeleteVolumeCommand,
  DescribeInstancesCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  type EC2Client,
  RunInstancesCommand,
  type RunInstancesCommandInput,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
  type Volume,
} from '@aws-sdk/client-ec2';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { sharedTempFolder } from '../../support/temp-folder.ts';
import { motoIsInstalled, startEndpoint } from './endpoint-with-moto.ts';
import { describeImage, snapshotOf } from './own-image.ts';

describe.skipIf(!motoIsInstalled)('instances with a second volume', () => {
  let lab: Awaited<ReturnType<typeof startEndpoint>>;
  const folder = sharedTempFolder();
  let ec2: EC2Client;
  let imageId: string;
  let snapshotId: string;

  beforeAll(async () => {
    lab = await startEndpoint(folder);
    ec2 = lab.ec2();
    imageId = lab.baseImages['us-west-2'] ?? '';
    const image = await describeImage(ec2, imageId);
    snapshotId = image === undefined ? '' : snapshotOf(image);
  }, 60_000);
  afterAll(() => lab?.stop());

  const started: string[] = [];
  const run = async (mappings: BlockDeviceMapping[], more: Partial<RunInstancesCommandInput> = {}) => {
    const { Instances } = await ec2.send(
      new RunInstancesCommand({
        ...{ ImageId: imageId, InstanceType: 't3.large', MinCount: 1, MaxCount: 1 },
        BlockDeviceMappings: mappings,
        ...more,
      }),
    );
    const id = Instances?.[0]?.InstanceId ?? '';
    started.push(id);
    return id;
  };
  const instance = async (id: string) => {
    const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
    return Reservations?.[0]?.Instances?.[0];
  };
  const untilState = (id: string, state: string) =>
    expect.poll(async () => (await instance(id))?.State?.Name, { timeout: 10_000 }).toBe(state);
  const end = async (id: string) => {
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
    await untilState(id, 'terminated');
    await lab.service.idle();
  };
  const volumes = async (): Promise<readonly Volume[]> =>
    (await ec2.send(new DescribeVolumesCommand({}))).Volumes ?? [];
  const dataVolume = async (device: string) =>
    (await volumes()).find(({ Attachments }) => Attachments?.[0]?.Device === device);
  const diskFiles = () => [...lab.fakes.files].filter((name) => name.startsWith('vol-'));

  afterEach(async () => {
    for (const id of started.splice(0)) if ((await instance(id))?.State?.Name !== 'terminated') await end(id);
  });

  const data = (Ebs: BlockDeviceMapping['Ebs'] = {}, DeviceName = '/dev/sdf'): BlockDeviceMapping => ({
    DeviceName,
    Ebs: { SnapshotId: snapshotId, ...Ebs },
  });

  test('has it attached, tagged and described, and its machine gets it; both disks go with the instance', async () => {
    const Tags = [{ Key: 'ecs-host:run-id', Value: 'r-1' }];
    const root = { DeviceName: '/dev/xvda', Ebs: { VolumeSize: 16 } };
    const id = await run([data({ VolumeType: 'gp3', DeleteOnTermination: true }), root], {
      TagSpecifications: [{ ResourceType: 'volume', Tags }],
    });
    await untilState(id, 'running');
    const volume = await dataVolume('/dev/sdf');
    expect(volume).toMatchObject({
      ...{ Size: 8, SnapshotId: snapshotId, State: 'in-use', VolumeType: 'gp3', Tags },
      Attachments: [{ InstanceId: id, Device: '/dev/sdf', State: 'attached', DeleteOnTermination: true }],
    });
    expect((await dataVolume('/dev/xvda'))?.Size).toBe(16);
    expect((await instance(id))?.BlockDeviceMappings?.map(({ DeviceName, Ebs }) => [DeviceName, Ebs])).toEqual([
      ['/dev/xvda', expect.objectContaining({ DeleteOnTermination: true })],
      ['/dev/sdf', expect.objectContaining({ VolumeId: volume?.VolumeId, DeleteOnTermination: true })],
    ]);
    const spec = lab.fakes.specs.get(id);
    expect(spec?.volumes).toEqual([{ diskId: volume?.VolumeId, deviceName: '/dev/sdf' }]);
    expect(lab.fakes.events).toContain(`disk ${spec?.diskId} from snap-base 16`);
    expect(lab.fakes.events).toContain(`data ${volume?.VolumeId} from snap-base 8`);
    await end(id);
    expect(await volumes()).toEqual([]);
    expect(diskFiles()).toEqual([]);
  });

  test('keeps it over a stop and a start', async () => {
    const id = await run([data({ VolumeSize: 20 })]);
    await untilState(id, 'running');
    const before = lab.fakes.specs.get(id);
    await ec2.send(new StopInstancesCommand({ InstanceIds: [id] }));
    await untilState(id, 'stopped');
    await ec2.send(new StartInstancesCommand({ InstanceIds: [id] }));
    await untilState(id, 'running');
    expect(lab.fakes.specs.get(id)?.volumes).toEqual(before?.volumes);
    const made = lab.fakes.events.filter((event) => event.startsWith(`data ${before?.volumes[0]?.diskId}`));
    expect(made).toEqual([expect.stringMatching(/ from snap-base 20$/)]);
  });

  test('leaves it available where it was to stay, until it is deleted', async () => {
    const id = await run([data({ DeleteOnTermination: false })]);
    await untilState(id, 'running');
    expect((await dataVolume('/dev/sdf'))?.Attachments?.[0]?.DeleteOnTermination).toBe(false);
    await end(id);
    const [left, ...others] = await volumes();
    expect(others).toEqual([]);
    expect(left).toMatchObject({ State: 'available', Attachments: [] });
    expect(diskFiles()).toEqual([left?.VolumeId]);
    await ec2.send(new DeleteVolumeCommand({ VolumeId: left?.VolumeId ?? '' }));
    await lab.service.idle();
    expect(diskFiles()).toEqual([]);
  });

  test('deletes both when a disk cannot be made', async () => {
    lab.fakes.failures.set('disk', 'no room');
    const id = await run([data()]);
    await untilState(id, 'terminated');
    lab.fakes.failures.clear();
    expect(await volumes()).toEqual([]);
  });

  test('its snapshot is taken when it is stopped; an image of both is refused, one of the root is not', async () => {
    const id = await run([data()]);
    await untilState(id, 'running');
    await ec2.send(new StopInstancesCommand({ InstanceIds: [id] }));
    await untilState(id, 'stopped');
    const VolumeId = (await dataVolume('/dev/sdf'))?.VolumeId ?? '';
    const { SnapshotId = '' } = await ec2.send(new CreateSnapshotCommand({ VolumeId }));
    const state = async () =>
      (await ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: [SnapshotId] }))).Snapshots?.[0]?.State;
    await expect.poll(state).toBe('completed');
    expect(lab.fakes.events).toContain(`snapshot ${SnapshotId} of ${VolumeId}`);

    const refused = ec2.send(new CreateImageCommand({ InstanceId: id, Name: 'both' }));
    await expect(refused).rejects.toMatchObject({
      name: 'UnsupportedOperation',
      message: expect.stringContaining('more than the root volume (/dev/sdf)'),
    });
    const NoDevice = [{ DeviceName: '/dev/sdf', NoDevice: '' }];
    const { ImageId = '' } = await ec2.send(
      new CreateImageCommand({ InstanceId: id, Name: 'root', BlockDeviceMappings: NoDevice }),
    );
    await expect.poll(async () => (await describeImage(ec2, ImageId))?.State).toBe('available');
    const made = await describeImage(ec2, ImageId);
    expect(made?.BlockDeviceMappings?.map(({ DeviceName }) => DeviceName)).toEqual(['/dev/xvda']);
  });

  test.each([
    [
      'of a snapshot that is not there',
      () => [data({ SnapshotId: 'snap-0123456789abcdef0' })],
      'InvalidSnapshot.NotFound',
      "The snapshot 'snap-0123456789abcdef0' does not exist.",
    ],
    [
      'smaller than its snapshot',
      () => [data({ VolumeSize: 4 })],
      'InvalidBlockDeviceMapping',
      'Volume of size 4GB is smaller than snapshot',
    ],
    [
      'at a place that EC2 does not have',
      () => [data({}, '/dev/sdf1')],
      'InvalidBlockDeviceMapping',
      'Invalid device name /dev/sdf1',
    ],
    [
      'at one place with another',
      () => [data(), data({}, 'xvdf')],
      'InvalidBlockDeviceMapping',
      "The device 'xvdf' is used in more than one block-device mapping",
    ],
    [
      'without a snapshot',
      () => [{ DeviceName: '/dev/sdf', Ebs: { VolumeSize: 4 } }],
      'UnsupportedOperation',
      'A second volume without a snapshot (/dev/sdf)',
    ],
  ] as const)('refuses one %s', async (_, mappings, name, message) => {
    await expect(run([...mappings()])).rejects.toMatchObject({ name, message: expect.stringContaining(message) });
    expect(await volumes()).toEqual([]);
  });
});
