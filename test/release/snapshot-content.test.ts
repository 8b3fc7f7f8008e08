import { expect, test } from 'vitest';
import { snapshotDigest } from '../../src/release/snapshot-content.ts';
import { type FakeSnapshot, World } from './world.ts';

/** A letter a block; `0` is a block of zeros, and a dot is none. */
function digestOf(content: string): Promise<string> {
  const world = new World(['us-east-1']);
  const snapshot: FakeSnapshot = { id: 'snap-1', tags: {}, content, keyId: null, users: [] };
  world.region('us-east-1').snapshots.set('snap-1', snapshot);
  const { ebs } = world.connect('us-east-1').more;
  return snapshotDigest(ebs, 'snap-1', { signal: new AbortController().signal, onBlocks: () => {} });
}

test('the same blocks are the same content, whichever of zeros are there', async () => {
  expect(await digestOf('a0b')).toBe(await digestOf('a.b'));
  expect(await digestOf('ab00')).toBe(await digestOf('ab'));
});

test.each([
  ['another block', 'abx'],
  ['a block more', 'abcd'],
  ['a block less', 'ab'],
  ['other places', 'acb'],
  ['a hole', 'a.bc'],
])('%s is another content', async (_what, other) => {
  expect(await digestOf(other)).not.toBe(await digestOf('abc'));
});

test('it is read by many at once, and told of now and then', async () => {
  const told: string[] = [];
  const world = new World(['us-east-1']);
  const content = 'x'.repeat(1100);
  world.region('us-east-1').snapshots.set('snap-1', { id: 'snap-1', tags: {}, content, keyId: null, users: [] });
  await snapshotDigest(world.connect('us-east-1').more.ebs, 'snap-1', {
    signal: new AbortController().signal,
    onBlocks: (read, of) => told.push(`${read} of ${of}`),
  });
  expect(told).toEqual(['512 of 1100', '1024 of 1100']);
});
