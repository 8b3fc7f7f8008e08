import { describe, expect, test } from 'vitest';
import type { Check } from '#contracts/check.ts';
import { groupSkips, verdictLines } from '../../src/cli/verdict-lines.ts';

function skipped(id: string, reason: string): Check {
  return { id, title: id, expected: 'x', actual: 'not looked at', verdict: 'skipped', reason };
}

const CHECKS: readonly Check[] = [
  { id: 'gate.order', title: 'order', expected: 'x', actual: 'x', verdict: 'correct' },
  skipped('gpu.driver', 'profile cpu-bookworm has no GPU'),
  skipped('booted.limits.vm-swappiness', 'not settable in this machine'),
  skipped('booted.limits.kernel-panic', 'not settable in this machine'),
];

const ROOM = { columns: 200, lines: Number.POSITIVE_INFINITY };

function proved(checks: Readonly<Record<string, number>>): Parameters<typeof verdictLines>[0] {
  return { imageId: 'ami-0aa', verdict: 'passed', checks, substitutions: [] };
}

test('the verdict says what was skipped, and that it is normal, and why', () => {
  expect(verdictLines(proved({ correct: 1, skipped: 3 }), groupSkips(CHECKS), ROOM)).toEqual([
    'verdict   passed (1 correct, 3 skipped)',
    "skipped   2 not settable in this machine (normal: the lab's machines share one kernel; on AWS it is looked at)",
    '          1 profile cpu-bookworm has no GPU (normal: there is no GPU to look at)',
  ]);
});

test('the first line of a verdict over stand-ins says that it is one', () => {
  const over = (substitutions: readonly string[]) =>
    verdictLines({ ...proved({ correct: 2 }), substitutions }, [], ROOM)[0];
  expect(over(['docker'])).toBe('verdict   passed over 1 stand-in (2 correct)');
  expect(over(['docker', 'aws-cli'])).toBe('verdict   passed over 2 stand-ins (2 correct)');
});

test('what was left out on demand is not normal', () => {
  const [skips] = groupSkips([skipped('workload.clone', 'part "workload" was not asked for')]);
  expect(skips).toEqual({
    reason: 'part "workload" was not asked for',
    normalBecause: null,
    checks: ['workload.clone'],
  });
  expect(verdictLines(proved({ skipped: 1 }), skips ? [skips] : [], { columns: 60, lines: 3 })).toEqual([
    'verdict   passed (1 skipped)',
    'skipped   1 part "workload" was not asked for (not normal:',
    '            the image is not wholly proved)',
  ]);
});

describe('where there is no room for all', () => {
  const skips = groupSkips([
    ...CHECKS,
    skipped('network.closed', 'the bake looked; on a booted machine the security group decides'),
    skipped('workload.clone', 'part "workload" was not asked for'),
  ]);
  const lines = (room: number): string[] => verdictLines(proved({}), skips, { columns: 80, lines: room }).slice(1);

  test('what is not normal comes first and stays', () => {
    expect(lines(1)).toEqual([
      'skipped   1 part "workload" was not asked for (not normal: the image is not',
      '            wholly proved)',
      '          4 more, all normal: `ecs-host image show ami-0aa`',
    ]);
  });

  test('as much as fits of what is normal is shown', () => {
    expect(lines(7)).toEqual([
      'skipped   1 part "workload" was not asked for (not normal: the image is not',
      '            wholly proved)',
      "          2 not settable in this machine (normal: the lab's machines share one",
      '            kernel; on AWS it is looked at)',
      '          1 profile cpu-bookworm has no GPU (normal: there is no GPU to look at)',
      '          1 more, all normal: `ecs-host image show ami-0aa`',
    ]);
    expect(lines(8)).toHaveLength(7);
    expect(lines(8).join()).not.toContain('more');
  });

  test('none of it is, when there is room for one line', () => {
    const normal = groupSkips(CHECKS);
    expect(verdictLines(proved({}), normal, { columns: 80, lines: 2 }).slice(1)).toEqual([
      'skipped   3, all normal: `ecs-host image show ami-0aa`',
    ]);
  });
});

test.each([
  'not here: the profile has no GPU',
  'not here: this machine has no NVIDIA GPU',
  'the bake looked; a booted host has its own',
  'the bake looked; on a booted machine the gate decides',
  'it runs on booted machines only',
  'it is watched on booted machines',
])('"%s", which a provisioner says, is normal', (reason) => {
  expect(groupSkips([skipped('a', reason)])[0]?.normalBecause).not.toBe(null);
});

test('an image that was not proved has neither checks nor skips', () => {
  expect(verdictLines({ imageId: 'ami-0aa', verdict: 'not-run', checks: {}, substitutions: [] }, [], ROOM)).toEqual([
    'verdict   not-run',
  ]);
});
