import { beforeEach, expect, test } from 'vitest';
import { Releases } from '../../src/run/releases.ts';

let released: string[];
let told: unknown[];
let releases: Releases;

beforeEach(() => {
  released = [];
  told = [];
  releases = new Releases({ emit: (message) => void told.push(message), close: async () => {} });
  const add = (what: string, where: 'here' | 'in the region'): void =>
    releases.add(what, where, async () => void released.push(what));
  add('the cluster', 'in the region');
  add('the connection', 'here');
  add('the containers', 'in the region');
});

test('all of it goes, the last thing first', async () => {
  await releases.all();
  expect(released).toEqual(['the containers', 'the connection', 'the cluster']);
});

test('what a person is to look at stays, and what is here goes', async () => {
  releases.keepRegion();
  await releases.all();
  expect(released).toEqual(['the connection']);
});

test('what cannot be released is told, and keeps nothing else', async () => {
  releases.add('the volume', 'in the region', async () => {
    throw new Error('it is in use');
  });
  await releases.all();
  expect(released).toHaveLength(3);
  expect(told).toMatchObject([{ code: 'RELEASE_FAILED', text: 'the volume could not be released: it is in use' }]);
});
