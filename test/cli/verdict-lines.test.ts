import { expect, test } from 'vitest';
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

test('the verdict says what was skipped, and that it is normal, and why', () => {
  expect(verdictLines('passed', { correct: 1, skipped: 3 }, groupSkips(CHECKS), 200)).toEqual([
    'verdict   passed (1 correct, 3 skipped)',
    "skipped   2 not settable in this machine (normal: the lab's machines share one kernel; on AWS it is looked at)",
    '          1 profile cpu-bookworm has no GPU (normal: there is no GPU to look at)',
  ]);
});

test('what was left out on demand is not normal', () => {
  const [skips] = groupSkips([skipped('workload.clone', 'part "workload" was not asked for')]);
  expect(skips).toEqual({
    reason: 'part "workload" was not asked for',
    normalBecause: null,
    checks: ['workload.clone'],
  });
  expect(verdictLines('passed', { skipped: 1 }, skips ? [skips] : [], 60)).toEqual([
    'verdict   passed (1 skipped)',
    'skipped   1 part "workload" was not asked for (not normal:',
    '            the image is not wholly proved)',
  ]);
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
  expect(verdictLines('not-run', {}, [], 80)).toEqual(['verdict   not-run']);
});
