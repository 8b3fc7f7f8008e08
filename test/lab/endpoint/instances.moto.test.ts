import {
  AttachVolumeCommand,
  AuthorizeSecurityGroupIngressCommand,
  CreateKeyPairCommand,
  CreateSecurityGroupCommand,
  DeleteSecurityGroupCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeInstanceTypesCommand,
  DescribeKeyPairsCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSecurityGroupsCommand,
  DescribeVolumesCommand,
  type EC2Client,
  GetConsoleOutputCommand,
  ImportKeyPairCommand,
  ModifyInstanceAttributeCommand,
  RebootInstancesCommand,
  RunInstancesCommand,
  type RunInstancesCommandInput,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sharedTempFolder } from '../../support/temp-folder.ts';
import { motoIsInstalled, startEndpoint } from './endpoint-with-moto.ts';

function codeOf(error: unknown): string {
  return (error as { name: string }).name;
}

describe.skipIf(!motoIsInstalled)('instances at the endpoint', () => {
  let lab: Awaited<ReturnType<typeof startEndpoint>>;
  const folder = sharedTempFolder();
  let ec2: EC2Client;
  let baseImage: string;

  beforeAll(async () => {
    lab = await startEndpoint(folder);
    ec2 = lab.ec2();
    baseImage = lab.baseImages['us-west-2'] ?? '';
  }, 60_000);
  afterAll(() => lab?.stop());

  const run = async (more: Partial<RunInstancesCommandInput> = {}): Promise<string> => {
    const { Instances } = await ec2.send(
      new RunInstancesCommand({ ImageId: baseImage, InstanceType: 't3.large', MinCount: 1, MaxCount: 1, ...more }),
    );
    return Instances?.[0]?.InstanceId ?? '';
  };
  const describeOne = async (id: string) => {
    const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
    const found = Reservations?.[0]?.Instances?.[0];
    if (!found) throw new Error(`${id} not described`);
    return found;
  };
  const state = async (id: string): Promise<string | undefined> => (await describeOne(id)).State?.Name;

  test('offers the seeded base image by owner, name and tag of every region', async () => {
    for (const region of ['us-east-1', 'us-east-2', 'us-west-2']) {
      const { Images } = await lab.ec2(region).send(
        new DescribeImagesCommand({
          Owners: ['136693071363'],
          Filters: [
            { Name: 'name', Values: ['debian-12-amd64-lab-*'] },
            { Name: 'architecture', Values: ['x86_64'] },
            { Name: 'root-device-type', Values: ['ebs'] },
            { Name: 'virtualization-type', Values: ['hvm'] },
            { Name: 'state', Values: ['available'] },
          ],
        }),
      );
      expect(Images).toHaveLength(1);
      expect(Images?.[0]).toMatchObject({ RootDeviceName: '/dev/xvda', OwnerId: '136693071363', State: 'available' });
      expect(Images?.[0]?.BlockDeviceMappings?.[0]?.Ebs).toMatchObject({ VolumeSize: 8, VolumeType: 'gp3' });
    }
  });

  test('knows t3.large, and g3s.xlarge, which moto lacks', async () => {
    const { InstanceTypes } = await ec2.send(
      new DescribeInstanceTypesCommand({ InstanceTypes: ['t3.large', 'g3s.xlarge'] }),
    );
    const g3s = InstanceTypes?.find((type) => type.InstanceType === 'g3s.xlarge');
    expect(InstanceTypes).toHaveLength(2);
    expect(g3s?.VCpuInfo?.DefaultVCpus).toBe(4);
    expect(g3s?.MemoryInfo?.SizeInMiB).toBe(31232);
    expect(g3s?.GpuInfo?.Gpus?.[0]).toMatchObject({ Name: 'M60', Count: 1, MemoryInfo: { SizeInMiB: 8192 } });
  });

  test('runs an instance: pending until its init runs, with disk, tags, key, user data, metadata options', async () => {
    const key = await ec2.send(
      new CreateKeyPairCommand({
        KeyName: 'run-key',
        KeyType: 'ed25519',
        TagSpecifications: [{ ResourceType: 'key-pair', Tags: [{ Key: 'ecs-host:run-id', Value: 'r-1' }] }],
      }),
    );
    expect(key.KeyMaterial).toContain('BEGIN OPENSSH PRIVATE KEY');
    const release = lab.fakes.hold('start');
    const tags = [{ Key: 'ecs-host:run-id', Value: 'r-1' }];
    const id = await run({
      KeyName: 'run-key',
      UserData: Buffer.from('#cloud-config\n').toString('base64'),
      IamInstanceProfile: { Name: 'ecs-host' },
      MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
      BlockDeviceMappings: [
        {
          DeviceName: '/dev/xvda',
          Ebs: { VolumeSize: 32, VolumeType: 'gp3', Encrypted: true, DeleteOnTermination: true },
        },
      ],
      TagSpecifications: [
        { ResourceType: 'instance', Tags: tags },
        { ResourceType: 'volume', Tags: tags },
        { ResourceType: 'network-interface', Tags: tags },
      ],
    });
    expect(await state(id)).toBe('pending');
    release();
    await expect.poll(() => state(id)).toBe('running');
    const instance = await describeOne(id);
    expect(instance.PrivateIpAddress).toMatch(/^10\.78\.1\.\d+$/);
    expect(instance.PublicIpAddress).toBe(instance.PrivateIpAddress);
    expect(instance.MetadataOptions).toMatchObject({ HttpTokens: 'required', HttpPutResponseHopLimit: 1 });
    expect(instance.Tags).toEqual(tags);
    const filters = [{ Name: 'tag:ecs-host:run-id', Values: ['r-1'] }];
    const { Volumes } = await ec2.send(new DescribeVolumesCommand({ Filters: filters }));
    expect(Volumes).toHaveLength(1);
    expect(Volumes?.[0]).toMatchObject({ Size: 32, VolumeType: 'gp3', Encrypted: true, State: 'in-use' });
    const { NetworkInterfaces } = await ec2.send(new DescribeNetworkInterfacesCommand({ Filters: filters }));
    expect(NetworkInterfaces).toHaveLength(1);
    const { KeyPairs } = await ec2.send(new DescribeKeyPairsCommand({ Filters: filters }));
    expect(KeyPairs?.map(({ KeyName }) => KeyName)).toEqual(['run-key']);

    const spec = lab.fakes.specs.get(id);
    expect(spec).toMatchObject({
      instanceId: id,
      region: 'us-west-2',
      httpTokens: 'required',
      httpPutResponseHopLimit: 1,
      instanceProfile: { name: 'ecs-host', roleName: 'ecs-host' },
      keyPair: { name: 'run-key' },
      diskId: Volumes?.[0]?.VolumeId,
    });
    expect(spec?.keyPair?.publicKey).toMatch(/^ssh-ed25519 /);
    expect(Buffer.from(spec?.userData ?? []).toString()).toBe('#cloud-config\n');
    expect(lab.fakes.events).toContain(`disk ${spec?.diskId} from snap-base 32`);
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
  });

  test('runs two at once, each with its profile, and answers with the real addresses already', async () => {
    const { Instances } = await ec2.send(
      new RunInstancesCommand({
        ImageId: baseImage,
        InstanceType: 't3.large',
        MinCount: 2,
        MaxCount: 2,
        IamInstanceProfile: { Name: 'ecs-host' },
      }),
    );
    expect(Instances).toHaveLength(2);
    for (const instance of Instances ?? []) {
      expect(instance.State?.Name).toBe('pending');
      expect(instance.PrivateIpAddress).toMatch(/^10\.78\.1\./);
      const id = instance.InstanceId ?? '';
      await expect.poll(() => state(id)).toBe('running');
      expect(lab.fakes.specs.get(id)?.instanceProfile?.name).toBe('ecs-host');
    }
    await ec2.send(
      new TerminateInstancesCommand({ InstanceIds: Instances?.map(({ InstanceId }) => InstanceId ?? '') }),
    );
  });

  test('has a kernel of its own when its tag says so', async () => {
    const Tags = [{ Key: 'ecs-host:machine', Value: 'qemu' }];
    const id = await run({ TagSpecifications: [{ ResourceType: 'instance', Tags }] });
    const other = await run();
    await expect
      .poll(() => [lab.fakes.specs.get(id)?.machine, lab.fakes.specs.get(other)?.machine])
      .toEqual(['qemu', 'nspawn']);
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id, other] }));
  });

  test('is idempotent by client token', async () => {
    const first = await run({ ClientToken: 'token-1' });
    expect(await run({ ClientToken: 'token-1' })).toBe(first);
    await expect(run({ ClientToken: 'token-1', InstanceType: 't3.small' })).rejects.toSatisfy(
      (error) => codeOf(error) === 'IdempotentParameterMismatch',
    );
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: [first] }));
  });

  test('stops, starts and reboots with honest states, and drops the public address while stopped', async () => {
    const id = await run();
    await expect.poll(() => state(id)).toBe('running');
    const release = lab.fakes.hold('stop');
    await ec2.send(new StopInstancesCommand({ InstanceIds: [id] }));
    expect(await state(id)).toBe('stopping');
    await expect(ec2.send(new StartInstancesCommand({ InstanceIds: [id] }))).rejects.toSatisfy(
      (error) => codeOf(error) === 'IncorrectInstanceState',
    );
    release();
    await expect.poll(() => state(id)).toBe('stopped');
    expect((await describeOne(id)).PublicIpAddress).toBeUndefined();
    await ec2.send(new StartInstancesCommand({ InstanceIds: [id] }));
    await expect.poll(() => state(id)).toBe('running');
    await ec2.send(new RebootInstancesCommand({ InstanceIds: [id] }));
    await lab.service.idle();
    expect(lab.fakes.events.slice(-3)).toEqual([`stop ${id}`, `start ${id}`, `reboot ${id}`]);

    const output = await ec2.send(new GetConsoleOutputCommand({ InstanceId: id }));
    expect(Buffer.from(output.Output ?? '', 'base64').toString()).toBe(`console of ${id}\n`);
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
  });

  test('terminates while pending, removes the volume, and does not come back as running', async () => {
    const release = lab.fakes.hold('start');
    const id = await run();
    // Its launch has begun: one that has not yet ends without it.
    await expect.poll(() => lab.fakes.events.at(-1)).toMatch(/^disk /);
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
    expect(await state(id)).toBe('shutting-down');
    release();
    await expect.poll(() => state(id)).toBe('terminated');
    await lab.service.idle();
    expect(await state(id)).toBe('terminated');
    expect([...lab.fakes.files].filter((name) => name.startsWith('vol-'))).toEqual([]);
  });

  test('ends an instance whose machine does not start, and says why', async () => {
    lab.fakes.failures.set('start', 'no such kernel');
    const id = await run();
    await expect.poll(() => state(id)).toBe('terminated');
    lab.fakes.failures.clear();
    expect((await describeOne(id)).StateReason).toMatchObject({
      Code: 'Server.InternalError',
      Message: expect.stringContaining('no such kernel'),
    });
  });

  test('follows a machine that shuts itself down', async () => {
    const stops = await run();
    const terminates = await run({ InstanceInitiatedShutdownBehavior: 'terminate' });
    await expect.poll(() => state(terminates)).toBe('running');
    await expect.poll(() => state(stops)).toBe('running');
    lab.fakes.exit(stops, 'shutdown');
    lab.fakes.exit(terminates, 'shutdown');
    await expect.poll(() => state(stops)).toBe('stopped');
    await expect.poll(() => state(terminates)).toBe('terminated');
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: [stops] }));
  });

  test('keeps the packet filter in step with group rules, also rules that name groups', async () => {
    const tags = [{ Key: 'ecs-host:run-id', Value: 'r-2' }];
    const made = await ec2.send(
      new CreateSecurityGroupCommand({
        GroupName: 'build',
        Description: 'build',
        TagSpecifications: [{ ResourceType: 'security-group', Tags: tags }],
      }),
    );
    const groupId = made.GroupId ?? '';
    const { SecurityGroups } = await ec2.send(
      new DescribeSecurityGroupsCommand({ Filters: [{ Name: 'tag:ecs-host:run-id', Values: ['r-2'] }] }),
    );
    expect(SecurityGroups?.map(({ GroupId }) => GroupId)).toEqual([groupId]);
    const a = await run({ SecurityGroupIds: [groupId] });
    const b = await run({ SecurityGroupIds: [groupId] });
    await expect.poll(() => state(b)).toBe('running');
    await expect.poll(() => state(a)).toBe('running');
    await ec2.send(
      new AuthorizeSecurityGroupIngressCommand({
        GroupId: groupId,
        IpPermissions: [
          { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '10.78.255.1/32' }] },
          { IpProtocol: '-1', UserIdGroupPairs: [{ GroupId: groupId }] },
        ],
      }),
    );
    const addressA = (await describeOne(a)).PrivateIpAddress;
    expect(lab.fakes.ingress.get(b)?.[0]?.ingress).toEqual(
      expect.arrayContaining([
        { protocol: 'tcp', fromPort: 22, toPort: 22, cidr: '10.78.255.1/32' },
        { protocol: 'all', fromPort: 0, toPort: 65535, cidr: `${addressA}/32` },
      ]),
    );
    await expect(ec2.send(new DeleteSecurityGroupCommand({ GroupId: groupId }))).rejects.toSatisfy(
      (error) => codeOf(error) === 'DependencyViolation',
    );
    const { SecurityGroups: seeded } = await ec2.send(
      new DescribeSecurityGroupsCommand({ GroupNames: ['container-testing'] }),
    );
    await ec2.send(new ModifyInstanceAttributeCommand({ InstanceId: b, Groups: [seeded?.[0]?.GroupId ?? ''] }));
    expect(lab.fakes.ingress.get(b)?.[0]?.ingress.map(({ protocol, fromPort }) => `${fromPort}/${protocol}`)).toEqual([
      '32262/tcp',
      '32263/udp',
      '32273/tcp',
    ]);
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: [a, b] }));
    await expect.poll(() => state(a)).toBe('terminated');
    await expect.poll(() => state(b)).toBe('terminated');
    await ec2.send(new DeleteSecurityGroupCommand({ GroupId: groupId }));
  });

  test('imports key pairs with tags', async () => {
    const PublicKeyMaterial = Buffer.from(
      'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGYBJ0KDCCqJDGzTKMc6VYg1aWPwhu2QZHPKJpyGEqxk someone@somewhere',
    );
    await ec2.send(
      new ImportKeyPairCommand({
        KeyName: 'imported',
        PublicKeyMaterial,
        TagSpecifications: [{ ResourceType: 'key-pair', Tags: [{ Key: 'k', Value: 'v' }] }],
      }),
    );
    const id = await run({ KeyName: 'imported' });
    await expect.poll(() => state(id)).toBe('running');
    expect(lab.fakes.specs.get(id)?.keyPair?.publicKey).toBe(PublicKeyMaterial.toString());
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
  });

  test.each([
    ['an unknown image', { ImageId: 'ami-0123456789abcdef0' }, 'InvalidAMIID.NotFound'],
    ['an unknown key', { KeyName: 'nobody' }, 'InvalidKeyPair.NotFound'],
    ['an unknown type', { InstanceType: 'x9.huge' as never }, 'InvalidParameterValue'],
    ['an unknown group', { SecurityGroupIds: ['sg-0123456789abcdef0'] }, 'InvalidGroup.NotFound'],
    [
      'a volume smaller than the snapshot',
      { BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 4 } }] },
      'InvalidBlockDeviceMapping',
    ],
    [
      'a second volume without a snapshot',
      { BlockDeviceMappings: [{ DeviceName: '/dev/sdf', Ebs: { VolumeSize: 4 } }] },
      'UnsupportedOperation',
    ],
    ['a dry run', { DryRun: true }, 'DryRunOperation'],
  ] satisfies [string, Partial<RunInstancesCommandInput>, string][])('refuses %s', async (_, more, code) => {
    await expect(run(more)).rejects.toSatisfy((error) => {
      expect(codeOf(error)).toBe(code);
      return true;
    });
  });

  test('refuses what it does not support instead of pretending', async () => {
    await expect(
      ec2.send(new AttachVolumeCommand({ VolumeId: 'vol-1', InstanceId: 'i-1', Device: '/dev/sdf' })),
    ).rejects.toSatisfy((error) => codeOf(error) === 'UnsupportedOperation');
  });

  test('fails calls that a test asks it to fail, and records calls without secrets', async () => {
    const response = await fetch(`${lab.url}/_lab/faults`, {
      method: 'POST',
      body: JSON.stringify({
        action: 'RunInstances',
        times: 1,
        code: 'InsufficientInstanceCapacity',
        message: 'none left',
        httpStatus: 500,
      }),
    });
    expect(response.status).toBe(200);
    await expect(run({ UserData: Buffer.from('secret').toString('base64') })).rejects.toSatisfy(
      (error) => codeOf(error) === 'InsufficientInstanceCapacity',
    );
    const calls = (await (await fetch(`${lab.url}/_lab/calls`)).json()) as {
      action: string;
      injected?: boolean;
      parameters: Record<string, string>;
    }[];
    const last = calls.findLast(({ action }) => action === 'RunInstances');
    expect(last).toMatchObject({ injected: true, parameters: { ImageId: baseImage, UserData: '(8 characters)' } });
    const id = await run();
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
  });
});
