import { setTimeout as sleep } from 'node:timers/promises';
import { CreateAutoScalingGroupCommand, DeleteAutoScalingGroupCommand } from '@aws-sdk/client-auto-scaling';
import {
  CopyImageCommand,
  CreateLaunchTemplateCommand,
  CreateTagsCommand,
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  EnableImageDeregistrationProtectionCommand,
  type Image,
  ModifyImageAttributeCommand,
  ModifySnapshotAttributeCommand,
  waitUntilImageAvailable,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createReleaseClients, type ReleaseClients } from '../../src/aws/release-clients.ts';
import { catalogImageOf, releaseOfTags } from '../../src/release/catalog.ts';
import type { Channel } from '../../src/release/channels.ts';
import { movePointer, readPointer } from '../../src/release/move-pointer.ts';
import { type LabHandle, startLabForTests } from './lab-handle.ts';
import { cli } from './support.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 240_000 });

const PROFILE = 'cpu-bookworm';
const REGIONS = { local: 'us-west-2', 'local-east': 'us-east-1' } as const;
type Region = keyof typeof REGIONS;

let lab: LabHandle;
let config: string;
let clients: Record<Region, ReleaseClients & Disposable>;

async function waitFor(region: Region, ImageId: string): Promise<void> {
  const waiter = { client: clients[region].ec2, maxWaitTime: 90, minDelay: 0.2, maxDelay: 0.5 } as never;
  await waitUntilImageAvailable(waiter, { ImageIds: [ImageId] });
}

/** An image as a bake leaves it, without a bake: a copy of the base image, or of another image, with its tags. */
async function makeImage(
  region: Region,
  source: { region: Region; imageId: string },
  name: string,
  tags: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { ec2 } = clients[region];
  const all = {
    'ecs-host:run-id': `r-20261101000000-${name}`,
    'ecs-host:profile': PROFILE,
    'ecs-host:plan-digest': `digest-${name}`,
    'ecs-host:verdict': 'passed',
    ...(source.region === region ? {} : { 'ecs-host:copied-from': `${REGIONS[source.region]}/${source.imageId}` }),
    ...tags,
  };
  const { ImageId = '' } = await ec2.send(
    new CopyImageCommand({
      SourceRegion: REGIONS[source.region],
      SourceImageId: source.imageId,
      Name: `release-${name}`,
    }),
  );
  await ec2.send(
    new CreateTagsCommand({
      Resources: [ImageId],
      Tags: Object.entries(all).map(([Key, Value]) => ({ Key, Value })),
    }),
  );
  await waitFor(region, ImageId);
  return ImageId;
}

async function imageOf(region: Region, ImageId: string): Promise<Image> {
  const { Images: [image] = [] } = await clients[region].ec2.send(new DescribeImagesCommand({ ImageIds: [ImageId] }));
  if (!image) throw new Error(`${ImageId} is not there`);
  return image;
}

async function named(channel: Channel): Promise<(string | undefined)[]> {
  const pointers = await Promise.all(Object.values(clients).map(({ ssm }) => readPointer(ssm, PROFILE, channel)));
  return pointers.map((pointer) => pointer?.imageId);
}

async function release(region: Region, channel: Channel, imageId: string): Promise<void> {
  const previousImageId = (await readPointer(clients[region].ssm, PROFILE, channel))?.imageId ?? null;
  const story = releaseOfTags(catalogImageOf(await imageOf(region, imageId)));
  await movePointer(clients[region].ssm, PROFILE, channel, {
    ...story,
    releasedAt: '2026-11-26T00:00:00.000Z',
    previousImageId,
  });
}

const both = ['--region', 'local', '--region', 'local-east'] as const;
async function ecsHost<T>(exitCode: number, ...args: readonly string[]): Promise<T> {
  const ended = await cli([...args, '--json', '--config', config], lab.environment);
  expect(ended.exitCode, ended.all).toBe(exitCode);
  return JSON.parse(ended.stdout) as T;
}

type Moves = { readonly moves: readonly { readonly region: string; readonly outcome: string }[] };

/** `a`, `b` and `c` in the first region, and the copies of them in the other. */
const images: Record<Region, Record<string, string>> = { local: {}, 'local-east': {} };

function idsOf(name: string): string[] {
  return [images.local[name] ?? '', images['local-east'][name] ?? ''];
}

beforeAll(async () => {
  lab = await startLabForTests();
  config = await lab.configWith(
    (text) =>
      `${text}  local-east:\n    profile: ${PROFILE}\n    lab: true\n    apiRegion: us-east-1\n` +
      '    securityGroup: container-testing\n    instanceProfile: ecs-host\n',
  );
  const keys = { accessKeyId: 'lab', secretAccessKey: 'lab' };
  const at = (region: Region) => createReleaseClients({ apiRegion: REGIONS[region], endpointUrl: lab.endpoint }, keys);
  clients = { local: at('local'), 'local-east': at('local-east') };
  const { Images: [base] = [] } = await clients.local.ec2.send(new DescribeImagesCommand({ Owners: ['136693071363'] }));
  for (const name of ['a', 'b', 'c']) {
    // EC2 says the second in which an image was made; which is the newest has to be certain.
    await sleep(1100);
    const imageId = await makeImage('local', { region: 'local', imageId: base?.ImageId ?? '' }, name);
    images.local[name] = imageId;
    images['local-east'][name] = await makeImage('local-east', { region: 'local', imageId }, name);
  }
  for (const region of ['local', 'local-east'] as const) {
    const { a = '', b = '', c = '' } = images[region];
    for (const imageId of [a, b]) await release(region, 'stable', imageId);
    for (const imageId of [a, c]) await release(region, 'nightly', imageId);
  }
});

afterAll(async () => {
  for (const each of Object.values(clients ?? {})) each[Symbol.dispose]();
  await lab?.down();
});

test('a promotion is for all regions that have the profile, or for none where one image is not good', async () => {
  const { ec2 } = clients['local-east'];
  const verdict = (Value: string) =>
    ec2.send(
      new CreateTagsCommand({
        Resources: [images['local-east']['c'] ?? ''],
        Tags: [{ Key: 'ecs-host:verdict', Value }],
      }),
    );
  await verdict('failed');
  const promotion = ['release', 'promote', '--from', 'nightly', '--to', 'stable', '--profile', PROFILE];
  const refused = await ecsHost<{ code: string; details: readonly object[] }>(2, ...promotion);
  expect(refused).toMatchObject({ code: 'RELEASE_REFUSED', details: [{ where: 'local-east' }] });
  expect(await named('stable')).toEqual(idsOf('b'));
  await verdict('passed');
  const { moves } = await ecsHost<Moves>(0, ...promotion);
  expect(moves.map(({ region, outcome }) => `${region} ${outcome}`)).toEqual(['local moved', 'local-east moved']);
  expect(await named('stable')).toEqual(idsOf('c'));
  expect((await ecsHost<Moves>(0, ...promotion)).moves).toMatchObject([{ outcome: 'already' }, { outcome: 'already' }]);
});

test('two rollbacks in a row go back twice, and a third has nowhere to go', async () => {
  const rollback = ['release', 'rollback', '--channel', 'stable', ...both];
  await ecsHost<Moves>(0, ...rollback);
  expect(await named('stable')).toEqual(idsOf('b'));
  await ecsHost<Moves>(0, ...rollback);
  expect(await named('stable')).toEqual(idsOf('a'));
  expect(await ecsHost<{ code: string }>(2, ...rollback)).toMatchObject({ code: 'RELEASE_REFUSED' });
  expect(await named('stable')).toEqual(idsOf('a'));
});

test('what is withdrawn is named by no pointer, shared with nobody, hidden, and its users are told', async () => {
  const [bad = ''] = idsOf('c');
  const { ec2, autoScaling } = clients.local;
  const UserId = '210987654321';
  const snapshot = (await imageOf('local', bad)).BlockDeviceMappings?.[0]?.Ebs?.SnapshotId;
  await ec2.send(new ModifyImageAttributeCommand({ ImageId: bad, LaunchPermission: { Add: [{ UserId }] } }));
  await ec2.send(
    new ModifySnapshotAttributeCommand({
      SnapshotId: snapshot,
      Attribute: 'createVolumePermission',
      OperationType: 'add',
      UserIds: [UserId],
    }),
  );
  const template = { LaunchTemplateName: 'web', LaunchTemplateData: { ImageId: bad } };
  const { LaunchTemplate } = await ec2.send(new CreateLaunchTemplateCommand(template));
  const LaunchTemplateId = LaunchTemplate?.LaunchTemplateId ?? '';
  const group = { AutoScalingGroupName: 'web', MinSize: 0, MaxSize: 0, AvailabilityZones: ['us-west-2a'] };
  await autoScaling.send(
    new CreateAutoScalingGroupCommand({ ...group, LaunchTemplate: { LaunchTemplateId, Version: '$Latest' } }),
  );

  const withdraw = ['release', 'withdraw', bad, '--reason', 'it panics', ...both];
  expect(await ecsHost<object>(2, ...withdraw)).toMatchObject({ code: 'CONFIRMATION' });
  const done = await ecsHost<{ regions: readonly object[]; failures: readonly string[] }>(0, ...withdraw, '--yes');
  expect(done.failures).toEqual([]);
  expect(done.regions).toMatchObject([
    {
      region: 'local',
      pointers: [{ channel: 'nightly', from: bad, to: { value: images.local['a'] } }],
      images: [
        {
          imageId: bad,
          unshared: { value: [UserId] },
          uses: {
            value: [
              { kind: 'launch template', id: LaunchTemplateId, note: 'web, version 1, $Default, $Latest' },
              { kind: 'auto scaling group', id: 'web' },
            ],
          },
        },
      ],
    },
    { region: 'local-east', pointers: [{ channel: 'nightly' }], images: [{ imageId: images['local-east']['c'] }] },
  ]);
  expect(await named('nightly')).toEqual(idsOf('a'));
  const permissions = { ImageId: bad, Attribute: 'launchPermission' } as const;
  expect((await ec2.send(new DescribeImageAttributeCommand(permissions))).LaunchPermissions ?? []).toEqual([]);
  for (const [region, imageId] of Object.entries({ local: bad, 'local-east': images['local-east']['c'] ?? '' })) {
    const { DeprecationTime, Tags } = await imageOf(region as Region, imageId);
    expect(DeprecationTime).toBeDefined();
    expect(Tags).toContainEqual({ Key: 'ecs-host:withdrawn', Value: expect.stringContaining('it panics') });
  }
  // No pointer takes it any more.
  await release('local', 'beta', bad);
  expect(
    await ecsHost<object>(2, 'release', 'promote', '--from', 'beta', '--to', 'stable', '--region', 'local'),
  ).toMatchObject({ code: 'RELEASE_REFUSED' });
  expect((await ecsHost<Moves>(0, ...withdraw, '--yes')).moves).toBeUndefined();
  expect((await named('beta'))[0]).toBeUndefined();
});

type Prune = {
  readonly regions: readonly {
    readonly prunable: readonly { readonly imageId: string; readonly snapshotIds: readonly string[] }[];
    readonly spared: readonly { readonly imageId: string; readonly reason: string }[];
  }[];
  readonly done: readonly { readonly imageId: string; readonly outcome: string }[];
};

test('a prune takes what nothing needs, in both regions, with its snapshots, protected or not', async () => {
  const { ec2, autoScaling } = clients.local;
  const prune = ['prune', ...both, '--older-than', '0', '--keep', '1'];
  const [b = '', copyOfB = ''] = idsOf('b');
  const [bad = '', copyOfBad = ''] = idsOf('c');
  const planned = await ecsHost<Prune>(0, ...prune);
  expect(planned.done).toEqual([]);
  const [first, second] = planned.regions;
  // b is newer than a, and so the last good one; a is what the pointers name; c is used by the template here alone.
  expect(first?.prunable).toEqual([]);
  expect(second?.prunable.map(({ imageId }) => imageId)).toEqual([copyOfBad]);
  const reasons = new Map(first?.spared.map(({ imageId, reason }) => [imageId, reason]));
  expect(reasons.get(bad)).toContain('used by launch template');
  expect(reasons.get(b)).toContain('the last good one');

  await autoScaling.send(new DeleteAutoScalingGroupCommand({ AutoScalingGroupName: 'web', ForceDelete: true }));
  await clients['local-east'].ec2.send(new EnableImageDeregistrationProtectionCommand({ ImageId: copyOfBad }));
  const done = await ecsHost<Prune>(0, ...prune, '--yes');
  expect(done.done).toMatchObject([{ imageId: copyOfBad, outcome: 'pruned' }]);
  const snapshots = second?.prunable[0]?.snapshotIds ?? [];
  expect(snapshots).toHaveLength(1);
  const east = clients['local-east'].ec2;
  const { Images = [] } = await east.send(new DescribeImagesCommand({ Owners: ['self'] }));
  expect(Images.map(({ ImageId }) => ImageId)).toEqual(expect.arrayContaining([copyOfB]));
  expect(Images.map(({ ImageId }) => ImageId)).not.toContain(copyOfBad);
  const { Snapshots = [] } = await east.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }));
  expect(Snapshots.map(({ SnapshotId }) => SnapshotId)).not.toContain(snapshots[0]);
  // What is still used here is still here.
  expect((await ec2.send(new DescribeImagesCommand({ ImageIds: [bad] }))).Images).toHaveLength(1);
});
