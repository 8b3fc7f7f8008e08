import {
  CreateTagsCommand,
  DeleteTagsCommand,
  DescribeInstancesCommand,
  type EC2Client,
  ModifyInstanceMetadataOptionsCommand,
  RunInstancesCommand,
  type Tag,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MetadataInstances } from '../../../lab/daemon/metadata-instances.ts';
import { sharedTempFolder } from '../../support/temp-folder.ts';
import { motoIsInstalled, startEndpoint } from './endpoint-with-moto.ts';

/**
 * What EC2 writes about tags in metadata: off unless asked for, changes show while the instance runs, and keys are
 * held to fewer characters as soon as they are shown.
 */
describe.skipIf(!motoIsInstalled)('tags in the metadata of an instance', () => {
  const folder = sharedTempFolder();
  let lab: Awaited<ReturnType<typeof startEndpoint>>;
  let ec2: EC2Client;
  let metadata: MetadataInstances;

  beforeAll(async () => {
    lab = await startEndpoint(folder);
    ec2 = lab.ec2();
    metadata = new MetadataInstances((instance) => lab.moto.control('metadata-tags', instance));
  });
  afterAll(() => lab?.stop());

  const run = async (Tags: Tag[], shown?: 'enabled' | 'disabled'): Promise<string> => {
    const { Instances } = await ec2.send(
      new RunInstancesCommand({
        ImageId: lab.baseImages['us-west-2'],
        InstanceType: 't3.large',
        MinCount: 1,
        MaxCount: 1,
        ...(shown === undefined ? {} : { MetadataOptions: { InstanceMetadataTags: shown } }),
        TagSpecifications: [{ ResourceType: 'instance', Tags }],
      }),
    );
    const id = Instances?.[0]?.InstanceId ?? '';
    await expect.poll(() => lab.fakes.specs.has(id)).toBe(true);
    return id;
  };
  /** What the machine sees, as the metadata service finds it: by the address of who asks. */
  const seen = async (id: string): Promise<Readonly<Record<string, string>> | undefined> => {
    const machines = metadata.follow(lab.fakes.machines);
    const { address } = await machines.allocateAddress(id);
    const spec = lab.fakes.specs.get(id);
    if (spec) await machines.start(spec);
    return (await metadata.lookup(address))?.tags;
  };
  const show = (id: string, shown: 'enabled' | 'disabled') =>
    ec2.send(new ModifyInstanceMetadataOptionsCommand({ InstanceId: id, InstanceMetadataTags: shown }));
  const refused = { name: 'InvalidParameterValue', message: expect.stringContaining('is not a valid tag key') };

  test('are not there unless they were asked for', async () => {
    const tags = [{ Key: 'ecs-host:expires', Value: '2026-11-26T22:00:00Z' }];
    expect(await seen(await run(tags))).toBeUndefined();
    expect(await seen(await run(tags, 'disabled'))).toBeUndefined();
  });

  test('show at once what is set, changed and taken away', async () => {
    const id = await run([{ Key: 'ecs-host:expires', Value: 'one' }], 'enabled');
    expect(await seen(id)).toEqual({ 'ecs-host:expires': 'one' });
    const Tags = [
      { Key: 'ecs-host:expires', Value: 'two' },
      { Key: 'Name', Value: 'a b' },
    ];
    await ec2.send(new CreateTagsCommand({ Resources: [id], Tags }));
    expect(await seen(id)).toEqual({ 'ecs-host:expires': 'two', Name: 'a b' });
    await ec2.send(new DeleteTagsCommand({ Resources: [id], Tags: [{ Key: 'Name' }] }));
    expect(await seen(id)).toEqual({ 'ecs-host:expires': 'two' });
  });

  test('are switched on and off while the instance runs, and nothing else is', async () => {
    const id = await run([{ Key: 'Name', Value: 'one' }]);
    await show(id, 'enabled');
    expect(await seen(id)).toEqual({ Name: 'one' });
    const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
    expect(Reservations?.[0]?.Instances?.[0]?.MetadataOptions?.InstanceMetadataTags).toBe('enabled');
    await show(id, 'disabled');
    expect(await seen(id)).toBeUndefined();
    await expect(
      ec2.send(new ModifyInstanceMetadataOptionsCommand({ InstanceId: id, HttpPutResponseHopLimit: 3 })),
    ).rejects.toMatchObject({ name: 'UnsupportedOperation' });
  });

  test.for(['a b', 'a/b', 'ä', '.', '..', '_index'])('of the key %j are refused where they show', async (key) => {
    const Tags = [{ Key: key, Value: 'x' }];
    await expect(run(Tags, 'enabled')).rejects.toMatchObject(refused);
    const hidden = await run(Tags);
    await expect(show(hidden, 'enabled')).rejects.toMatchObject(refused);
    const shown = await run([{ Key: 'Name', Value: 'x' }], 'enabled');
    await expect(ec2.send(new CreateTagsCommand({ Resources: [shown], Tags }))).rejects.toMatchObject(refused);
    await ec2.send(new CreateTagsCommand({ Resources: [hidden], Tags }));
  });

  test('take every character that EC2 names', async () => {
    const key = 'aZ9+-=.,_:@';
    expect(await seen(await run([{ Key: key, Value: 'x' }], 'enabled'))).toEqual({ [key]: 'x' });
  });
});
