import { expect, test } from 'vitest';
import { pointerNames } from '../../src/release/channels.ts';
import { pointersOf, RELEASE_VERSION, type Release } from '../../src/release/pointer.ts';

const RELEASE: Release = {
  releaseVersion: RELEASE_VERSION,
  imageId: 'ami-1',
  imageName: 'ecs-host-cpu-bookworm-0123',
  planDigest: '01',
  runId: 'r1',
  commit: 'c',
  copiedFrom: null,
  provenBy: 'smoke',
  releasedAt: '2026-11-27T00:00:00.000Z',
  previousImageId: null,
};

function parameters(profile: string, channel: 'nightly' | 'stable', imageId: string, release?: string) {
  const names = pointerNames(profile, channel);
  return [
    { Name: names.imageId, Value: imageId, Version: 3 },
    ...(release === undefined ? [] : [{ Name: names.release, Value: release, Version: 7 }]),
  ];
}

test('a pointer is its id, its version and its release, in the order of profiles and channels', () => {
  const found = pointersOf([
    ...parameters('b', 'stable', 'ami-1', JSON.stringify(RELEASE)),
    ...parameters('b', 'nightly', 'ami-2'),
    ...parameters('a', 'stable', 'ami-3'),
  ]);
  expect(found).toEqual([
    { profile: 'a', channel: 'stable', imageId: 'ami-3', version: 3, release: null },
    { profile: 'b', channel: 'nightly', imageId: 'ami-2', version: 3, release: null },
    { profile: 'b', channel: 'stable', imageId: 'ami-1', version: 3, release: RELEASE },
  ]);
});

test.each([
  ['no JSON', 'x'],
  ['another image', JSON.stringify({ ...RELEASE, imageId: 'ami-9' })],
  ['another version', JSON.stringify({ ...RELEASE, releaseVersion: 2 })],
  ['a field that is missing', JSON.stringify({ ...RELEASE, planDigest: undefined })],
])('a release of %s is none; the pointer counts all the same', (_, text) => {
  expect(pointersOf(parameters('p', 'nightly', 'ami-1', text))).toMatchObject([{ imageId: 'ami-1', release: null }]);
});

test('what is no part of a pointer is left alone', () => {
  expect(
    pointersOf([
      { Name: '/ecs-host/p/canary/image-id', Value: 'ami-1' },
      { Name: '/ecs-host/p/nightly/other', Value: 'ami-1' },
      { Name: '/ecs-host/token', Value: 'x' },
    ]),
  ).toEqual([]);
});
