import { describe, expect, test } from 'vitest';
import { EcsHostError, outsideError, userError } from '../../src/io/errors.ts';
import {
  exitCodeOfNight,
  type Failure,
  failedStage,
  failureOf,
  parseNight,
  stageTimes,
  triedBefore,
} from '../../src/nightly/night.ts';
import { NoCapacity } from '../../src/plan/fallback.ts';
import { BAD_IMAGE, NIGHT, NO_ROOM, RELEASED, UNCHANGED } from '../fixtures/night.ts';

const FAILURE: Failure = { stage: 'plan', kind: 'user', code: 'X', reason: 'r', hint: null, details: [] };

function failed(kind: Failure['kind']) {
  return { ...RELEASED, status: 'failed' as const, failure: { ...FAILURE, kind } };
}

describe('the exit code of a night', () => {
  test.each([
    ['all good', [RELEASED, UNCHANGED], 0],
    ['a mistake in the configuration', [RELEASED, failed('user')], 2],
    ['a bad day of AWS', [failed('user'), NO_ROOM], 3],
    ['an image that failed', [NO_ROOM, BAD_IMAGE, failed('user')], 4],
    ['a bug', [BAD_IMAGE, failed('bug')], 1],
  ])('%s', (_, outcomes, code) => {
    expect(exitCodeOfNight({ outcomes, swept: [] })).toBe(code);
  });

  test('what could not be swept is not good', () => {
    const swept = [{ region: 'local', removed: [], failed: ['volume vol-1: VolumeInUse'] }];
    expect(exitCodeOfNight({ outcomes: [RELEASED], swept })).toBe(3);
    expect(exitCodeOfNight({ outcomes: [BAD_IMAGE], swept })).toBe(4);
  });
});

describe('why an item failed', () => {
  test('is what the error says, its details with where and which', () => {
    const details = [{ where: 'hosts.yaml:1:2', key: 'profiles.a', reason: 'is wrong' }, { reason: 'alone' }];
    const error = new EcsHostError('user', 'CONFIG_INVALID', 'It has mistakes.', { details, hint: 'h' });
    expect(failureOf('plan', error)).toEqual({
      stage: 'plan',
      kind: 'user',
      code: 'CONFIG_INVALID',
      reason: 'It has mistakes.',
      hint: 'h',
      details: ['hosts.yaml:1:2: profiles.a: is wrong', 'alone'],
    });
  });

  test('anything else is a bug', () => {
    expect(failureOf('bake', new TypeError('x is undefined'))).toMatchObject({ kind: 'bug', code: 'BUG' });
    expect(failureOf('bake', 'a text')).toMatchObject({ reason: 'a text' });
  });

  test('has the placements that were tried', () => {
    expect(triedBefore(new NoCapacity('us-east-2', NO_ROOM.tried, undefined))).toEqual(NO_ROOM.tried);
    expect(triedBefore(outsideError('LAB_GONE', 'gone'))).toEqual([]);
    expect(triedBefore(userError('IMAGE_ID', 'no'))).toEqual([]);
  });
});

describe('the steps of an item', () => {
  const spans = [
    { name: 'packer', stage: 'bake', durationMs: 10, outcome: 'ok' },
    { name: 'plan', stage: 'plan', durationMs: 3, outcome: 'ok' },
    { name: 'bake', stage: 'bake', durationMs: 20, outcome: 'ok' },
    { name: 'plan', stage: 'plan', durationMs: 4, outcome: 'ok' },
    { name: 'launch', stage: 'smoke', durationMs: 5, outcome: 'failed' },
    { name: 'smoke', stage: 'smoke', durationMs: 6, outcome: 'failed' },
    { name: 'release', stage: 'smoke', durationMs: 1, outcome: 'ok' },
  ] as const;

  test('are those at the top, one line each', () => {
    expect(stageTimes(spans)).toEqual([
      { stage: 'plan', durationMs: 7 },
      { stage: 'bake', durationMs: 20 },
      { stage: 'smoke', durationMs: 6 },
    ]);
  });

  test('say which one failed', () => {
    expect(failedStage(spans)).toBe('smoke');
    expect(failedStage([])).toBe('plan');
    // A bad verdict is what a step that ended well has found.
    expect(failedStage([{ name: 'smoke', stage: 'smoke', durationMs: 6, outcome: 'ok' }])).toBe('smoke');
  });
});

describe('the report of a night', () => {
  test('is read as it was written', () => {
    expect(parseNight(JSON.stringify(NIGHT))).toEqual(NIGHT);
  });

  test.each([
    ['no JSON', 'x', 'it is not JSON'],
    ['another version', JSON.stringify({ ...NIGHT, nightVersion: 9 }), 'nightVersion'],
    ['half of an outcome', JSON.stringify({ ...NIGHT, outcomes: [{ profile: 'p' }] }), 'it lacks'],
  ])('%s is refused with what is wrong', (_, text, why) => {
    expect(parseNight(text)).toEqual(expect.stringContaining(why));
  });
});
