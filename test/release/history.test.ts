import { describe, expect, test } from 'vitest';
import { type PointerHistory, predecessorsOf, takenBackBy } from '../../src/release/history.ts';
import { RELEASE_VERSION, type Release } from '../../src/release/pointer.ts';

function release(imageId: string, previousImageId: string | null): Release {
  return {
    releaseVersion: RELEASE_VERSION,
    imageId,
    imageName: imageId,
    planDigest: 'd',
    runId: `run-${imageId}`,
    commit: 'c',
    copiedFrom: null,
    provenBy: 'smoke',
    releasedAt: '2026-11-27T00:00:00.000Z',
    previousImageId,
  };
}

/** `a>b`: b was released where a was; each move writes both parameters. */
function history(...moves: readonly (readonly [imageId: string, previous: string | null])[]): PointerHistory {
  return { imageIds: moves.map(([id]) => id), releases: moves.map(([id, previous]) => release(id, previous)) };
}

describe('what a pointer named before', () => {
  test('is what each release says, newest first', () => {
    expect(predecessorsOf('c', history(['a', null], ['b', 'a'], ['c', 'b']))).toEqual(['b', 'a']);
  });

  test('is nothing for the first one, and for a history that nobody has', () => {
    expect(predecessorsOf('a', history(['a', null]))).toEqual([]);
    expect(predecessorsOf('a', { imageIds: [], releases: [] })).toEqual([]);
  });

  test('is not what was rolled back from', () => {
    expect(predecessorsOf('b', history(['a', null], ['b', 'a'], ['c', 'b'], ['b', 'a']))).toEqual(['a']);
    // And neither is it after something new was released in its place.
    const then = history(['a', null], ['b', 'a'], ['c', 'b'], ['b', 'a'], ['d', 'b']);
    expect(predecessorsOf('d', then)).toEqual(['b', 'a']);
  });

  test('names an image once that was released twice, and goes on behind it', () => {
    expect(predecessorsOf('a', history(['z', null], ['a', 'z'], ['b', 'a'], ['a', 'b']))).toEqual(['b', 'z']);
  });

  test('is read from the pointer itself where no release says it', () => {
    const bare = { imageIds: ['a', 'b', 'a', 'c'], releases: [] };
    expect(predecessorsOf('c', bare)).toEqual(['a', 'b']);
    expect(predecessorsOf('c', { ...bare, releases: [release('c', 'b')] })).toEqual(['b', 'a']);
  });

  test('ends, whatever the releases say', () => {
    const circle = history(['a', 'c'], ['b', 'a'], ['c', 'b'], ['a', 'a'], ['c', 'a']);
    expect(predecessorsOf('c', circle)).toEqual(['a', 'b']);
  });

  test('does not hold a release that was written and never pointed to', () => {
    const { imageIds, releases } = history(['a', null], ['b', 'a']);
    expect(predecessorsOf('b', { imageIds, releases: [...releases, release('c', 'b')] })).toEqual(['a']);
  });
});

describe('the last move', () => {
  test('took back what it left, when that is not what came before', () => {
    expect(takenBackBy('b', history(['a', null], ['b', 'a'], ['c', 'b'], ['b', 'a']))?.imageId).toBe('c');
  });

  test('took nothing back when it went forward, or was the first', () => {
    expect(takenBackBy('b', history(['a', null], ['b', 'a']))).toBeNull();
    expect(takenBackBy('a', history(['a', null]))).toBeNull();
  });
});
