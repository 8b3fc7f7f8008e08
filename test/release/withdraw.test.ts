import { expect, test } from 'vitest';
import { failuresOf, markOf, withdrawHere } from '../../src/release/withdraw.ts';
import { familyOf, lookAround, planWithdrawal } from '../../src/release/withdrawal.ts';
import { FakeRegion } from './fake-region.ts';

const NOW = new Date('2026-11-27T02:00:00Z');

async function withdrawn(imageId: string, ...regions: FakeRegion[]) {
  const sights = await Promise.all(regions.map(({ place }) => lookAround(place)));
  const family = familyOf(imageId, sights);
  const plans = await Promise.all(sights.map((sight) => planWithdrawal(sight, family)));
  return Promise.all(plans.map((plan) => withdrawHere(plan, { reason: 'panics', now: NOW })));
}

/** Two regions; what is bad in the second one is a copy of what is bad in the first. */
async function twoRegions(): Promise<[FakeRegion, FakeRegion]> {
  const [west, east] = [new FakeRegion('us-west-2'), new FakeRegion('us-east-1')];
  west.bake('ami-a');
  west.bake('ami-b');
  east.bake('ami-c', { tags: { 'ecs-host:copied-from': 'us-west-2/ami-b' } });
  await west.release('stable', 'ami-a');
  await west.release('stable', 'ami-b');
  await west.release('nightly', 'ami-b');
  await east.release('stable', 'ami-c');
  return [west, east];
}

test.each(['ami-b', 'ami-c'])(
  '%s: no pointer names the image or a copy of it any more, in any channel or region',
  async (id) => {
    const [west, east] = await twoRegions();
    const [first, second] = await withdrawn(id, west, east);
    expect(first?.pointers).toMatchObject([
      { channel: 'nightly', from: 'ami-b', to: { value: null } },
      { channel: 'stable', from: 'ami-b', to: { value: 'ami-a' } },
    ]);
    expect(second?.pointers).toMatchObject([{ channel: 'stable', from: 'ami-c', to: { value: null } }]);
    expect([west.named('stable'), west.named('nightly'), east.named('stable')]).toEqual([
      'ami-a',
      undefined,
      undefined,
    ]);
    for (const [region, imageId] of [
      [west, 'ami-b'],
      [east, 'ami-c'],
    ] as const) {
      expect(region.tagsOf(imageId)['ecs-host:withdrawn']).toBe('2026-11-27T02:00:00Z panics');
      expect(region.images.get(imageId)?.DeprecationTime).toBe('2026-11-27T02:01:00.000Z');
    }
    expect(west.tagsOf('ami-a')['ecs-host:withdrawn']).toBeUndefined();
  },
);

test('it is marked before a pointer moves, and a second time nothing is changed', async () => {
  const [west, east] = await twoRegions();
  await withdrawn('ami-b', west, east);
  expect(west.changes[0]).toBe('CreateTags');
  west.calls.length = 0;
  const [again] = await withdrawn('ami-b', west, east);
  expect(again).toMatchObject({ pointers: [], images: [{ marked: { value: '2026-11-27T02:00:00Z panics' } }] });
  expect(west.changes).toEqual([]);
});

test('nobody may launch it or use its snapshots any more', async () => {
  const [west, east] = await twoRegions();
  west.launchPermissions.set('ami-b', [{ UserId: '1' }, { OrganizationArn: 'arn:o' }, { Group: 'all' }]);
  west.volumePermissions.set('snap-b', [{ UserId: '1' }, { UserId: '2' }]);
  const [first] = await withdrawn('ami-b', west, east);
  expect(first?.images).toMatchObject([{ unshared: { value: ['1', 'arn:o', 'everybody', '2'] } }]);
  expect([...west.launchPermissions, ...west.volumePermissions]).toEqual([]);
});

test('who uses it still is told, as it is after the pointers have moved', async () => {
  const [west, east] = await twoRegions();
  const template = (LaunchTemplateId: string, ImageId: string) => ({
    LaunchTemplateId,
    VersionNumber: 1,
    DefaultVersion: true,
    LaunchTemplateData: { ImageId },
  });
  west.versions = [template('lt-1', 'ami-b'), template('lt-2', 'resolve:ssm:/ecs-host/p/stable/image-id')];
  west.instances = [{ InstanceId: 'i-1', ImageId: 'ami-b', State: { Name: 'running' } }];
  const [first] = await withdrawn('ami-b', west, east);
  expect(first?.images[0]?.uses.value).toMatchObject([
    { kind: 'launch template', id: 'lt-1' },
    { kind: 'instance', id: 'i-1' },
  ]);
});

test('one part that fails keeps no other from being done, and each is told', async () => {
  const [west, east] = await twoRegions();
  west.failing.set('CreateTags', 'InternalError');
  west.failing.set('DescribeImageAttribute', 'InternalError');
  west.failing.set('DescribeInstances', 'InternalError');
  const [first] = await withdrawn('ami-b', west, east);
  expect(west.named('stable')).toBe('ami-a');
  expect(west.images.get('ami-b')?.DeprecationTime).toBeDefined();
  expect(first && failuresOf(first)).toEqual([
    'us-west-2: mark of ami-b: fake: InternalError',
    'us-west-2: permissions of ami-b: fake: InternalError',
    'us-west-2: who uses ami-b: fake: InternalError',
  ]);
});

test('a pointer that somebody moved meanwhile is left alone', async () => {
  const [west] = await twoRegions();
  const sight = await lookAround(west.place);
  const plan = await planWithdrawal(sight, familyOf('ami-b', [sight]));
  west.bake('ami-n');
  await west.release('stable', 'ami-n');
  await withdrawHere(plan, { reason: 'panics', now: NOW });
  expect(west.named('stable')).toBe('ami-n');
});

test('a pointer moves away from an image that is gone already', async () => {
  const [west] = await twoRegions();
  west.images.delete('ami-b');
  const [done] = await withdrawn('ami-b', west);
  expect(done).toMatchObject({ images: [] });
  expect(west.named('stable')).toBe('ami-a');
});

test('a long reason is as long as a tag may be', () => {
  expect(markOf('x'.repeat(500), NOW)).toHaveLength(256);
});
