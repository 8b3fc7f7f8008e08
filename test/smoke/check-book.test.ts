import { describe, expect, test } from 'vitest';
import type { Check } from '#contracts/check.ts';
import { userError } from '../../src/io/errors.ts';
import { CheckBook } from '../../src/smoke/checks/check-book.ts';
import { CHECKS, PARTS, parseParts } from '../../src/smoke/checks/check-definitions.ts';
import { type SmokeResult, verdictError, verdictOf } from '../../src/smoke/verdict.ts';

const definitions = [
  { id: 'gate.a', part: 'gate' as const, title: 'A', expected: 'shut' },
  { id: 'gate.b', part: 'gate' as const, title: 'B', expected: 'shut' },
  { id: 'workload.c', part: 'workload' as const, title: 'C', expected: 'exit code 0' },
];
function open(selected: readonly ('gate' | 'workload')[] = ['gate', 'workload'], controller = new AbortController()) {
  const told: Check[] = [];
  const book = new CheckBook({
    definitions,
    selected: new Set(selected),
    signal: controller.signal,
    onCheck: (check) => told.push(check),
  });
  return { book, told, controller };
}
function verdicts(checks: readonly Check[]): Record<string, string> {
  return Object.fromEntries(checks.map((check) => [check.id, check.verdict]));
}

describe('CheckBook', () => {
  test('a step that dies leaves its open checks missing, with the reason, and says so', async () => {
    const { book } = open();
    const worked = await book.attempt(['gate.a', 'gate.b'], async () => {
      book.record('gate.a', { actual: 'shut', isCorrect: true });
      throw new Error('ssh broke\nin two lines');
    });
    expect(worked).toEqual({ ok: false });
    const checks = book.finish();
    expect(verdicts(checks)).toEqual({ 'gate.a': 'correct', 'gate.b': 'missing', 'workload.c': 'missing' });
    expect(checks[1]?.reason).toBe('ssh broke | in two lines');
    expect(checks[2]?.reason).toBe('not reached: ssh broke | in two lines');
  });

  test('a part that was not asked for is skipped with the reason, and its answers do not count', () => {
    const { book, told } = open(['gate']);
    book.record('workload.c', { actual: 'exit code 1', isCorrect: false });
    book.record('gate.a', { actual: 'shut', isCorrect: true });
    book.record('gate.b', { actual: 'shut', isCorrect: true });
    const checks = book.finish();
    expect(verdicts(checks)).toEqual({ 'gate.a': 'correct', 'gate.b': 'correct', 'workload.c': 'skipped' });
    expect(checks[2]?.reason).toBe('part "workload" was not asked for');
    expect(told.map(({ id }) => id)).toEqual(['gate.a', 'gate.b']);
  });

  test('an interruption is thrown on, not turned into answers', async () => {
    const { book, controller } = open();
    controller.abort();
    await expect(book.attempt(['gate.a'], () => Promise.reject(new Error('stopped')))).rejects.toThrow('stopped');
  });

  test.each([
    ['a tool that is not there', userError('FFMPEG_MISSING', 'No ffmpeg was found.')],
    [
      'a program that cannot be run',
      Object.assign(new Error('spawn ssh'), { code: 'ENOENT', syscall: 'spawn ssh', path: 'ssh' }),
    ],
    [
      'a permission',
      Object.assign(new Error('no'), { name: 'UnauthorizedOperation', $metadata: { httpStatusCode: 403 } }),
    ],
  ])("%s is the operator's, and says nothing about the image", async (_, error) => {
    const { book, told } = open();
    await expect(book.attempt(['gate.a'], () => Promise.reject(error))).rejects.toBe(error);
    expect(told).toEqual([]);
  });

  test('an undefined or doubly answered check is a bug', () => {
    const { book } = open();
    expect(() => book.skip('gate.z', 'x')).toThrow('not defined');
    book.skip('gate.a', 'x');
    expect(() => book.skip('gate.a', 'x')).toThrow('twice');
  });

  test('foreign checks come after the defined ones and count', () => {
    const { book } = open(['gate']);
    book.record('gate.a', { actual: 'shut', isCorrect: true });
    book.record('gate.b', { actual: 'shut', isCorrect: true });
    book.add({ id: 'booted.clean.no-ssh-keys', title: 't', expected: 'none', actual: 'one', verdict: 'incorrect' });
    expect(book.finish().at(-1)?.id).toBe('booted.clean.no-ssh-keys');
    expect(verdictOf(book.finish())).toBe('failed');
  });
});

describe('the definitions', () => {
  test('have unique ids, each in a known part', () => {
    expect(new Set(CHECKS.map(({ id }) => id)).size).toBe(CHECKS.length);
    for (const { part } of CHECKS) expect(PARTS).toContain(part);
  });

  test('parts come from the command line', () => {
    expect(parseParts(null)).toEqual(new Set(PARTS));
    expect(parseParts('gate, stream')).toEqual(new Set(['gate', 'workload']));
    expect(() => parseParts('gate,sound')).toThrow('Smoke has no part "sound".');
  });
});

describe('the verdict', () => {
  const check = (verdict: Check['verdict']): Check => ({
    id: `x.${verdict}`,
    title: 't',
    expected: 'e',
    actual: 'a',
    verdict,
  });

  test('passes with correct and skipped ones only', () => {
    expect(verdictOf([check('correct'), check('skipped')])).toBe('passed');
    expect(verdictOf([check('correct'), check('missing')])).toBe('failed');
    expect(verdictOf([check('correct'), check('incorrect')])).toBe('failed');
  });

  test('nothing proven is no pass', () => {
    expect(verdictOf([])).toBe('failed');
    expect(verdictOf([check('skipped')])).toBe('failed');
  });

  test('names every check that did not hold, and where the evidence is', () => {
    const result: SmokeResult = {
      verdict: 'failed',
      runId: 'r',
      finishedAt: '',
      instanceIds: [],
      placement: null,
      isComplete: true,
      checks: [check('correct'), check('incorrect'), { ...check('missing'), reason: 'ssh broke' }],
      evidence: ['/state/runs/r/evidence/i-1-console.txt'],
    };
    const error = verdictError('ami-1', result);
    expect(error.kind).toBe('verdict');
    expect(error.details).toEqual([
      { key: 'x.incorrect', reason: 'expected e, found a' },
      { key: 'x.missing', reason: 'could not be looked at: ssh broke' },
    ]);
    expect(error.hint).toBe('console log and journal are kept in /state/runs/r/evidence');
  });
});
