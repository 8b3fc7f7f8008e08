import { expect, test } from 'vitest';
import { carryOut } from '../../src/release/moves.ts';
import { lookAtPromotion } from '../../src/release/promote.ts';
import { FakeRegion } from './fake-region.ts';

const CHANNELS = { from: 'nightly', to: 'stable' } as const;

async function promoted(...regions: FakeRegion[]) {
  return carryOut(await Promise.all(regions.map(({ place }) => lookAtPromotion(place, CHANNELS))));
}

test('the channel names the image of the other, and what it named before; the next time nothing is done', async () => {
  const region = new FakeRegion();
  region.bake('ami-a');
  region.bake('ami-b');
  await region.release('stable', 'ami-a');
  await region.release('nightly', 'ami-b');
  expect(await promoted(region)).toMatchObject([{ outcome: 'moved', from: 'ami-a', to: 'ami-b' }]);
  expect(region.named('stable')).toBe('ami-b');
  const story = JSON.parse(region.parameters.get('/ecs-host/p/stable/release')?.versions.at(-1) ?? '');
  expect(story).toMatchObject({ imageId: 'ami-b', previousImageId: 'ami-a' });
  region.calls.length = 0;
  expect(await promoted(region)).toMatchObject([{ outcome: 'already', to: null }]);
  expect(region.changes).toEqual([]);
});

test.each([
  ['it failed its smoke test', { verdict: 'failed' }],
  ['no smoke test has judged it in this region', { verdict: null }],
  ['it was withdrawn: 2026', { tags: { 'ecs-host:withdrawn': '2026' } }],
  ['it is a copy that is not checked yet', { tags: { 'ecs-host:release': 'r' } }],
  ['it is disabled', { image: { State: 'disabled' } }],
] as const)('an image is refused: %s', async (why, image) => {
  const region = new FakeRegion();
  region.bake('ami-a', image);
  await region.release('nightly', 'ami-a');
  expect(await promoted(region)).toMatchObject([{ outcome: 'refused', reason: `ami-a of nightly: ${why}` }]);
  expect(region.changes).toEqual([]);
});

test('an image that is gone is refused, and a channel to which nothing was released is told', async () => {
  const region = new FakeRegion();
  region.bake('ami-a');
  expect(await promoted(region)).toMatchObject([{ outcome: 'nothing' }]);
  await region.release('nightly', 'ami-a');
  region.images.clear();
  expect(await promoted(region)).toMatchObject([{ outcome: 'refused', reason: 'ami-a of nightly: it is not there' }]);
});

test('a region that fails keeps no other from being moved, and the same again finishes', async () => {
  const regions = [new FakeRegion('us-east-1'), new FakeRegion('us-east-2')];
  for (const region of regions) {
    region.bake('ami-a');
    await region.release('nightly', 'ami-a');
  }
  regions[0]?.failing.set('PutParameter', 'InternalServerError');
  expect(await promoted(...regions)).toMatchObject([{ outcome: 'failed', to: null }, { outcome: 'moved' }]);
  regions[0]?.failing.clear();
  expect(await promoted(...regions)).toMatchObject([{ outcome: 'moved' }, { outcome: 'already' }]);
});
