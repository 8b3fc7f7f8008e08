import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  expectedOf,
  formatTimings,
  keepSamples,
  parseTimings,
  readTimings,
  type Sample,
  type Timings,
  withSamples,
} from '../../src/run/timings.ts';
import { tempFolder } from '../support/temp-folder.ts';

const NONE: Timings = new Map();

function samples(step: string, ...durations: number[]): Sample[] {
  return durations.map((durationMs) => ({ step, durationMs }));
}

describe('what is expected of a step', () => {
  test('is the middle of its last five times', () => {
    const times = (...durations: number[]): number | null =>
      expectedOf(withSamples(NONE, samples('ami › bake', ...durations)), 'ami › bake');
    expect(times()).toBe(null);
    expect(times(4000)).toBe(4000);
    expect(times(4000, 5001)).toBe(4501);
    expect(times(9000, 1000, 5000)).toBe(5000);
    expect(times(90_000, 90_000, 90_000, 1000, 2000, 3000, 4000, 5000)).toBe(3000);
  });

  test('follows one that became quick, but never heard of what was always quick', () => {
    expect(expectedOf(withSamples(NONE, samples('a', 20_000, 1, 1)), 'a')).toBe(1);
    expect(withSamples(NONE, samples('a', 1, 1, 400)).size).toBe(0);
  });

  test('is forgotten when it ran longest ago and there are too many', () => {
    let timings = withSamples(NONE, samples('first', 1000));
    for (let at = 0; at < 499; at += 1) timings = withSamples(timings, samples(`step ${at}`, 1000));
    timings = withSamples(timings, samples('first', 1000));
    timings = withSamples(timings, samples('x'.repeat(1000), 1000));
    timings = withSamples(timings, samples('last', 1000));
    expect(timings.size).toBe(500);
    expect(['first', 'step 0', 'step 1', 'last'].map((step) => timings.has(step))).toEqual([true, false, true, true]);
    expect(formatTimings(timings).length).toBeLessThan(100_000);
  });
});

describe('a damaged file', () => {
  test.each([
    '',
    '{',
    'null',
    '[]',
    '{"steps":null}',
    '{"steps":[1]}',
    '{"steps":{"a":"x","b":[],"c":[null,"1",-1,1e999],"d":{}}}',
  ])('expects nothing: %s', (text) => {
    expect(parseTimings(text)).toEqual(NONE);
  });

  test('keeps what is usable', () => {
    expect(parseTimings('{"steps":{"a":[1,"x",2],"b":0,"c":[1,2,3,4,5,6]}}')).toEqual(
      new Map([
        ['a', [1, 2]],
        ['c', [2, 3, 4, 5, 6]],
      ]),
    );
  });
});

describe('in the state folder', () => {
  let state = '';
  beforeEach(() => {
    state = join(tempFolder(), 'state');
    vi.stubEnv('ECS_HOST_STATE', state);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  test('what was kept is read again', async () => {
    expect(await readTimings()).toEqual(NONE);
    await keepSamples(samples('a', 1000));
    await keepSamples(samples('a', 2000));
    expect(await readTimings()).toEqual(new Map([['a', [1000, 2000]]]));
  });

  test('a damaged file is written anew', async () => {
    await mkdir(state);
    await writeFile(join(state, 'timings.json'), '{"steps":{"a":[1');
    await keepSamples(samples('b', 1000));
    expect(JSON.parse(await readFile(join(state, 'timings.json'), 'utf8'))).toEqual({ steps: { b: [1000] } });
  });

  test('runs that end at the same time leave a whole file, and nothing beside it', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, at) => keepSamples(samples(`step ${at}`, 1000))));
    expect((await readTimings()).size).toBeGreaterThan(0);
    expect(await readdir(state)).toEqual(['timings.json']);
  });

  test('nothing is written when there is nothing to keep', async () => {
    await keepSamples([]);
    await keepSamples(samples('a', 3));
    await expect(readdir(state)).rejects.toThrow('ENOENT');
  });

  test('a folder that cannot be written, or is none, does not matter', async () => {
    await mkdir(join(state, 'timings.json'), { recursive: true });
    await keepSamples(samples('a', 1000));
    expect(await readTimings()).toEqual(NONE);
    vi.stubEnv('ECS_HOST_STATE', 'relative');
    await keepSamples(samples('a', 1000));
    expect(await readTimings()).toEqual(NONE);
  });
});
