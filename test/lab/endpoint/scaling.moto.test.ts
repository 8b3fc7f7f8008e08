import {
  AutoScalingClient,
  CreateAutoScalingGroupCommand,
  DeleteAutoScalingGroupCommand,
  DescribeAutoScalingGroupsCommand,
  SetDesiredCapacityCommand,
  UpdateAutoScalingGroupCommand,
} from '@aws-sdk/client-auto-scaling';
import {
  CreateLaunchTemplateCommand,
  CreateLaunchTemplateVersionCommand,
  DescribeInstancesCommand,
  DescribeLaunchTemplatesCommand,
  DescribeLaunchTemplateVersionsCommand,
  type EC2Client,
  ModifyLaunchTemplateCommand,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sharedTempFolder } from '../../support/temp-folder.ts';
import { motoIsInstalled, startEndpoint } from './endpoint-with-moto.ts';
import { copyImage } from './own-image.ts';

const POINTER = '/ecs-host/lab/stable/image-id';
const ONE = { MinCount: 1, MaxCount: 1 } as const;

describe.skipIf(!motoIsInstalled)('launch templates and Auto Scaling groups', () => {
  let lab: Awaited<ReturnType<typeof startEndpoint>>;
  const folder = sharedTempFolder();
  let ec2: EC2Client;
  let ssm: SSMClient;
  let scaling: AutoScalingClient;
  let base: string;
  const options = () => ({
    region: 'us-west-2',
    endpoint: lab.url,
    credentials: { accessKeyId: 'lab', secretAccessKey: 'lab' },
    maxAttempts: 1,
  });
  beforeAll(async () => {
    lab = await startEndpoint(folder);
    ec2 = lab.ec2();
    ssm = new SSMClient(options());
    scaling = new AutoScalingClient(options());
    base = lab.baseImages['us-west-2'] ?? '';
  });
  afterAll(async () => {
    for (const client of [ssm, scaling]) client?.destroy();
    await lab?.stop();
  });

  const versions = async (LaunchTemplateName: string, more: object = {}) =>
    (await ec2.send(new DescribeLaunchTemplateVersionsCommand({ LaunchTemplateName, ...more }))).LaunchTemplateVersions;
  const group = async (name: string) =>
    (await scaling.send(new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [name] })))
      .AutoScalingGroups?.[0];
  const template = async (LaunchTemplateName: string, LaunchTemplateData: object) =>
    ec2.send(new CreateLaunchTemplateCommand({ LaunchTemplateName, LaunchTemplateData }));

  test('versions of a template are made of others, and found by $Default and $Latest', async () => {
    const UserData = Buffer.from('#cloud-config\n').toString('base64');
    await template('versioned', { ImageId: base, InstanceType: 't3.large', UserData });
    await ec2.send(
      new CreateLaunchTemplateVersionCommand({
        LaunchTemplateName: 'versioned',
        SourceVersion: '1',
        LaunchTemplateData: { InstanceType: 'g4dn.xlarge' },
      }),
    );
    const both = await versions('versioned', { Versions: ['$Default', '$Latest'] });
    expect(both?.map(({ VersionNumber, LaunchTemplateData }) => [VersionNumber, LaunchTemplateData])).toEqual([
      [1, expect.objectContaining({ ImageId: base, InstanceType: 't3.large', UserData })],
      [2, expect.objectContaining({ ImageId: base, InstanceType: 'g4dn.xlarge', UserData })],
    ]);
    await ec2.send(new ModifyLaunchTemplateCommand({ LaunchTemplateName: 'versioned', DefaultVersion: '2' }));
    expect((await versions('versioned', { Versions: ['$Default'] }))?.[0]?.VersionNumber).toBe(2);
    const byType = { Filters: [{ Name: 'instance-type', Values: ['t3.large'] }] };
    expect((await versions('versioned', byType))?.map(({ VersionNumber }) => VersionNumber)).toEqual([1]);
  });

  test('an instance is of a template, whose image a parameter may name; the call wins over the template', async () => {
    const { ImageId } = await copyImage(ec2, base, { Name: 'pointed' });
    await ssm.send(
      new PutParameterCommand({ Name: POINTER, Value: ImageId, Type: 'String', DataType: 'aws:ec2:image' }),
    );
    const tags = (Value: string, Key = 'of') => [{ ResourceType: 'instance' as const, Tags: [{ Key, Value }] }];
    const { LaunchTemplate } = await template('pointing', {
      ImageId: `resolve:ssm:${POINTER}`,
      InstanceType: 't3.large',
      TagSpecifications: tags('template'),
    });
    expect((await versions('pointing'))?.[0]?.LaunchTemplateData?.ImageId).toBe(`resolve:ssm:${POINTER}`);
    expect((await versions('pointing', { ResolveAlias: true }))?.[0]?.LaunchTemplateData?.ImageId).toBe(ImageId);
    const { Instances } = await ec2.send(
      new RunInstancesCommand({
        ...ONE,
        LaunchTemplate: { LaunchTemplateName: 'pointing', Version: '$Latest' },
        InstanceType: 't3.medium',
        TagSpecifications: tags('call', 'by'),
      }),
    );
    const id = Instances?.[0]?.InstanceId ?? '';
    const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
    const instance = Reservations?.[0]?.Instances?.[0];
    expect([instance?.ImageId, instance?.InstanceType]).toEqual([ImageId, 't3.medium']);
    expect(Object.fromEntries((instance?.Tags ?? []).map(({ Key, Value }) => [Key, Value]))).toEqual({
      of: 'template',
      by: 'call',
      'aws:ec2launchtemplate:id': LaunchTemplate?.LaunchTemplateId,
      'aws:ec2launchtemplate:version': '1',
    });

    const direct = { ...ONE, ImageId: `resolve:ssm:${POINTER}:1`, InstanceType: 't3.large' } as const;
    expect((await ec2.send(new RunInstancesCommand(direct))).Instances?.[0]?.ImageId).toBe(ImageId);
    await expect(
      ec2.send(new RunInstancesCommand({ ...direct, ImageId: 'resolve:ssm:/nothing' })),
    ).rejects.toMatchObject({ name: 'InvalidParameterValue' });
  });

  test('templates are listed in pages', async () => {
    for (let n = 0; n < 17; n += 1) await template(`many-${n}`, { ImageId: base });
    const { LaunchTemplates } = await ec2.send(new DescribeLaunchTemplatesCommand({}));
    expect(LaunchTemplates?.length).toBeGreaterThanOrEqual(17);
    const first = await ec2.send(new DescribeLaunchTemplatesCommand({ MaxResults: 10 }));
    expect(first.LaunchTemplates).toHaveLength(10);
    const next = await ec2.send(new DescribeLaunchTemplatesCommand({ MaxResults: 200, NextToken: first.NextToken }));
    expect(next.LaunchTemplates).toHaveLength((LaunchTemplates?.length ?? 0) - 10);
    expect(next.NextToken).toBeUndefined();
  });

  test('a group of no instance is there, with its template or its policy; one of any is refused', async () => {
    await template('grouped', { ImageId: base });
    const named = { LaunchTemplateName: 'grouped', Version: '$Latest' };
    const zones = { AvailabilityZones: ['us-west-2a'], MaxSize: 3 };
    const create = (AutoScalingGroupName: string, more: object) =>
      scaling.send(new CreateAutoScalingGroupCommand({ AutoScalingGroupName, MinSize: 0, ...zones, ...more }));
    await create('plain', { LaunchTemplate: named });
    expect(await group('plain')).toMatchObject({
      DesiredCapacity: 0,
      MaxSize: 3,
      LaunchTemplate: named,
      Instances: [],
    });
    await expect(create('plain', { LaunchTemplate: named })).rejects.toMatchObject({ name: 'AlreadyExistsFault' });

    const MixedInstancesPolicy = {
      LaunchTemplate: {
        LaunchTemplateSpecification: named,
        Overrides: [{ InstanceType: 't3.large' as const, LaunchTemplateSpecification: named }],
      },
    };
    await create('mixed', { MixedInstancesPolicy });
    await scaling.send(new UpdateAutoScalingGroupCommand({ AutoScalingGroupName: 'mixed', MaxSize: 5 }));
    const mixed = await group('mixed');
    expect(mixed).toMatchObject({ MaxSize: 5, MixedInstancesPolicy });
    expect(mixed?.LaunchTemplate).toBeUndefined();

    for (const more of [{ MinSize: 1 }, { DesiredCapacity: 1 }])
      await expect(create('big', { LaunchTemplate: named, ...more })).rejects.toMatchObject({
        name: 'UnsupportedOperation',
      });
    const grow = { AutoScalingGroupName: 'plain', DesiredCapacity: 1 };
    for (const call of [new UpdateAutoScalingGroupCommand(grow), new SetDesiredCapacityCommand(grow)])
      await expect(scaling.send(call as UpdateAutoScalingGroupCommand)).rejects.toMatchObject({
        name: 'UnsupportedOperation',
      });
    expect((await group('plain'))?.DesiredCapacity).toBe(0);
  });

  test('groups and templates survive a restart, and groups are deleted', async () => {
    await lab.stop();
    lab = await startEndpoint(folder);
    expect(lab.loaded).toBe('loaded');
    ec2 = lab.ec2();
    scaling.destroy();
    scaling = new AutoScalingClient(options());
    expect((await group('mixed'))?.MixedInstancesPolicy?.LaunchTemplate?.Overrides).toHaveLength(1);
    expect(await versions('versioned')).toHaveLength(2);
    await scaling.send(new DeleteAutoScalingGroupCommand({ AutoScalingGroupName: 'plain' }));
    expect(await group('plain')).toBeUndefined();
  }, 60_000);
});
