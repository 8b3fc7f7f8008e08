import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { recordPath, saveRecord } from '../../../src/image/image-store.ts';
import { applyPrune, type Pruned } from '../../../src/release/prune/apply.ts';
import { type PrunePlan, planPrune } from '../../../src/release/prune/plan-prune.ts';
import type { PruneRules } from '../../../src/release/prune/select.ts';
import { aRecord } from '../../fixtures/image-record.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { FakeRegion } from '../fake-region.ts';

const RULES: PruneRules = {
  olderThanMs: 30 * 24 * 60 * 60_000,
  keep: 1,
  channel: null,
  profile: null,
  now: Date.parse('2026-11-27'),
};

beforeEach(() => vi.stubEnv('ECS_HOST_STATE', tempFolder()));
afterEach(() => vi.unstubAllEnvs());

async function applied(plan: PrunePlan, signal = new AbortController().signal, onDone?: () => void): Promise<Pruned[]> {
  const done: Pruned[] = [];
  await applyPrune(plan, {
    signal,
    onDone: (each) => {
      done.push(each);
      onDone?.();
    },
  });
  return done;
}

/** Four old images, of which the newest is good, and a young one. */
function aRegion(): FakeRegion {
  const region = new FakeRegion();
  region.bake('ami-new', { at: '2026-11-20' });
  region.bake('ami-a', { at: '2026-08-01' });
  region.bake('ami-b', { at: '2026-08-02', verdict: null });
  region.bake('ami-c', { at: '2026-08-03' });
  return region;
}

function idsOf({ prunable }: PrunePlan): string[] {
  return prunable.map(({ image }) => image.imageId);
}

test('a plan names what goes, in order, with its snapshots, its size at most and what that costs', async () => {
  const region = aRegion();
  region.snapshots.set('snap-a', { SnapshotId: 'snap-a', VolumeSize: 32, FullSnapshotSizeInBytes: 2 * 1024 ** 3 });
  const plan = await planPrune(region.place, RULES);
  expect(idsOf(plan)).toEqual(['ami-b', 'ami-a', 'ami-c']);
  expect(plan.prunable).toMatchObject([
    { snapshotIds: ['snap-b'], size: { gib: 8, usdAMonth: 0.4 } },
    { snapshotIds: ['snap-a'], size: { gib: 2, usdAMonth: 0.1 } },
    {},
  ]);
  expect(region.changes).toEqual([]);
});

test('what is used stays, and so does a snapshot that an image uses that stays', async () => {
  const region = aRegion();
  region.instances = [{ InstanceId: 'i-1', ImageId: 'ami-a', State: { Name: 'stopped' } }];
  region.bake('ami-c', { at: '2026-08-03', image: { BlockDeviceMappings: [{ Ebs: { SnapshotId: 'snap-new' } }] } });
  await region.release('beta', 'ami-b');
  const plan = await planPrune(region.place, RULES);
  expect(plan.prunable).toMatchObject([{ image: { imageId: 'ami-c' }, snapshotIds: [] }]);
});

test('what a pointer would go back to stays, and a channel is what the histories say', async () => {
  const region = aRegion();
  await region.release('stable', 'ami-c');
  await region.release('nightly', 'ami-a');
  await region.release('nightly', 'ami-b');
  await region.release('nightly', 'ami-new');
  expect(idsOf(await planPrune(region.place, RULES))).toEqual(['ami-a']);
  expect(idsOf(await planPrune(region.place, { ...RULES, channel: 'nightly' }))).toEqual(['ami-a']);
  expect(idsOf(await planPrune(region.place, { ...RULES, channel: 'none' }))).toEqual([]);
});

test('a verdict that only the record has counts', async () => {
  const region = aRegion();
  region.bake('ami-new', { at: '2026-11-20', verdict: 'failed' });
  for (const id of ['ami-a', 'ami-c']) region.bake(id, { at: '2026-08-01', verdict: 'failed' });
  const smoke = { verdict: 'passed' } as never;
  const plan = await planPrune(region.place, RULES, [{ ...aRecord('ami-b'), smoke }]);
  expect(idsOf(plan)).not.toContain('ami-b');
});

test('a layer has no digest of a plan, and stays while its image does, by what EC2 or the record says', async () => {
  const region = aRegion();
  const layer = (id: string, at: string): void => {
    region.bake(id, { at, verdict: null });
    const Tags = [
      { Key: 'ecs-host:layer', Value: id },
      { Key: 'ecs-host:profile', Value: 'p' },
    ];
    region.images.set(id, { ...region.images.get(id), Tags });
  };
  for (const id of ['ami-l1', 'ami-l2', 'ami-l3']) layer(id, '2026-06-01');
  layer('ami-l4', '2026-06-02');
  region.bake('ami-new', { at: '2026-11-20', image: { SourceImageId: 'ami-l1' } });
  region.bake('ami-newer', { at: '2026-11-21' });
  const layers = { slow: { digest: 'd', imageId: 'ami-l2' }, fast: { digest: 'f' } };
  const plan = await planPrune(region.place, RULES, [{ ...aRecord('ami-newer'), layers }]);
  expect(idsOf(plan)).toEqual(['ami-b', 'ami-a', 'ami-c', 'ami-l3']);
});

test('images go with their snapshots and records; one that fails keeps no other from going', async () => {
  const region = aRegion();
  await mkdir(dirname(recordPath('ami-a')), { recursive: true });
  await saveRecord(aRecord('ami-a'));
  const plan = await planPrune(region.place, RULES);
  // Somebody else deleted it: that is no failure.
  region.images.delete('ami-b');
  region.failing.set('DeleteSnapshot', 'InvalidSnapshot.InUse');
  const [first] = await applied({ ...plan, prunable: plan.prunable.slice(1, 2) });
  expect(first).toMatchObject({ imageId: 'ami-a', outcome: 'failed', reason: 'fake: InvalidSnapshot.InUse' });
  expect(existsSync(recordPath('ami-a'))).toBe(true);
  region.failing.clear();
  expect((await applied(plan)).map(({ outcome }) => outcome)).toEqual(['pruned', 'pruned', 'pruned']);
  expect([...region.images.keys()]).toEqual(['ami-new']);
  expect([...region.snapshots.keys()]).toEqual(['snap-new']);
  expect(existsSync(recordPath('ami-a'))).toBe(false);
});

test('protection is switched off, and an image that AWS holds for a day more is told and left', async () => {
  const region = aRegion();
  const protect = (id: string, DeregistrationProtection: string): void =>
    region.bake(id, { at: '2026-08-01', image: { DeregistrationProtection } });
  protect('ami-a', 'enabled-without-cooldown');
  protect('ami-c', 'enabled-with-cooldown');
  region.cooldowns.add('ami-c');
  const done = await applied(await planPrune(region.place, RULES));
  expect(done.toSorted((a, b) => a.imageId.localeCompare(b.imageId))).toMatchObject([
    { imageId: 'ami-a', outcome: 'pruned' },
    { imageId: 'ami-b', outcome: 'pruned' },
    { imageId: 'ami-c', outcome: 'protected', reason: expect.stringContaining('24 hours') },
  ]);
  expect([...region.snapshots.keys()].toSorted()).toEqual(['snap-c', 'snap-new']);
});

test('an image to which a pointer was moved after the look is spared', async () => {
  const region = aRegion();
  const plan = await planPrune(region.place, RULES);
  await region.release('stable', 'ami-a');
  expect((await applied(plan)).map(({ imageId, outcome }) => `${imageId} ${outcome}`)).toEqual([
    'ami-b pruned',
    'ami-a spared',
    'ami-c pruned',
  ]);
});

test('a signal stops between two images', async () => {
  const region = aRegion();
  const stop = new AbortController();
  const done = await applied(await planPrune(region.place, RULES), stop.signal, () => stop.abort());
  expect(done).toHaveLength(1);
  expect(region.images.size).toBe(3);
});

test('a thousand images cost no call each', async () => {
  const region = new FakeRegion();
  for (let at = 0; at < 1500; at += 1) region.bake(`ami-${at}`, { at: '2026-08-01' });
  const plan = await planPrune(region.place, RULES);
  expect(plan.prunable).toHaveLength(1499);
  expect(region.calls.length).toBeLessThan(20);
});
