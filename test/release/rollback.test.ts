import { expect, test } from 'vitest';
import { carryOut } from '../../src/release/moves.ts';
import { decideRollbacks, lookAtRollback } from '../../src/release/rollback.ts';
import { FakeRegion } from './fake-region.ts';

const NOW = new Date('2026-11-27T00:00:00Z');

async function rolledBack(...regions: FakeRegion[]) {
  const seen = await Promise.all(regions.map(({ place }) => lookAtRollback(place, 'stable')));
  return carryOut(decideRollbacks(seen, 'stable', NOW));
}

async function released(region: FakeRegion, ...ids: string[]): Promise<void> {
  for (const id of ids) {
    region.bake(id);
    await region.release('stable', id);
  }
}

test('goes back one image at a time, and neither to and fro nor past the first', async () => {
  const region = new FakeRegion();
  await released(region, 'ami-a', 'ami-b', 'ami-c');
  expect(await rolledBack(region)).toMatchObject([{ outcome: 'moved', from: 'ami-c', to: 'ami-b' }]);
  expect(await rolledBack(region)).toMatchObject([{ outcome: 'moved', from: 'ami-b', to: 'ami-a' }]);
  expect(await rolledBack(region)).toMatchObject([
    { outcome: 'refused', reason: expect.stringContaining('the first') },
  ]);
  expect(region.named('stable')).toBe('ami-a');
  // What comes next goes forward from here, and back to here.
  await released(region, 'ami-d');
  expect(await rolledBack(region)).toMatchObject([{ from: 'ami-d', to: 'ami-a' }]);
});

test('passes over what is gone, withdrawn or not judged, and says so', async () => {
  const region = new FakeRegion();
  await released(region, 'ami-a', 'ami-b', 'ami-c', 'ami-d', 'ami-e');
  region.images.delete('ami-d');
  region.bake('ami-c', { tags: { 'ecs-host:withdrawn': 'bad' } });
  region.bake('ami-b', { verdict: null });
  const [moved] = await rolledBack(region);
  expect(moved).toMatchObject({ outcome: 'moved', from: 'ami-e', to: 'ami-a' });
  expect(moved?.passedOver).toEqual([
    'ami-d: it is not there',
    'ami-c: it was withdrawn: bad',
    'ami-b: no smoke test has judged it in this region',
  ]);
});

test('works for a pointer whose releases are damaged, from what SSM remembers of it', async () => {
  const region = new FakeRegion();
  await released(region, 'ami-a', 'ami-b', 'ami-c');
  region.parameters.set('/ecs-host/p/stable/release', { versions: ['{'] });
  expect(await rolledBack(region)).toMatchObject([{ from: 'ami-c', to: 'ami-b' }]);
  expect(await rolledBack(region)).toMatchObject([{ from: 'ami-b', to: 'ami-a' }]);
});

test('a rollback that failed in one region is finished by the same command, not done twice elsewhere', async () => {
  const regions = [new FakeRegion('us-east-1'), new FakeRegion('us-east-2')];
  const [east, other] = regions as [FakeRegion, FakeRegion];
  for (const region of regions) await released(region, 'ami-a', 'ami-b', 'ami-c');
  other.failing.set('PutParameter', 'InternalServerError');
  expect(await rolledBack(...regions)).toMatchObject([{ outcome: 'moved' }, { outcome: 'failed' }]);
  other.failing.clear();
  expect(await rolledBack(...regions)).toMatchObject([{ outcome: 'already' }, { outcome: 'moved', to: 'ami-b' }]);
  // They are level again, so the next one takes both further back.
  expect(await rolledBack(...regions)).toMatchObject([{ outcome: 'moved' }, { outcome: 'moved', to: 'ami-a' }]);
  expect([east.named('stable'), other.named('stable')]).toEqual(['ami-a', 'ami-a']);
});

test('a region where nothing was released is told, and is no failure', async () => {
  const regions = [new FakeRegion('us-east-1'), new FakeRegion('us-east-2')];
  await released(regions[0] as FakeRegion, 'ami-a', 'ami-b');
  expect(await rolledBack(...regions)).toMatchObject([{ outcome: 'moved' }, { outcome: 'nothing' }]);
});
