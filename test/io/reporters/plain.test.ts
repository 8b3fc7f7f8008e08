import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { plainReporter } from '../../../src/io/reporters/plain.ts';
import { BAKE, tell } from './a-bake.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function told(until?: number): string[] {
  const out = new PassThrough();
  const reporter = plainReporter(out);
  tell(reporter, BAKE, (ms) => vi.advanceTimersByTime(ms), until);
  void reporter.close();
  return String(out.read()).trimEnd().split('\n');
}

test('a wait shows its clock every half minute', () => {
  expect(told().filter((line) => line.includes('still waiting'))).toEqual([
    '            still waiting for ssh, 30 s of at most 10 min',
    '            still waiting for ssh, 1 min of at most 10 min',
    '            still waiting for ssh, 1 min 30 s of at most 10 min',
  ]);
});

test('what speaks by itself gets no clock, and none runs after the end', () => {
  const out = new PassThrough();
  const reporter = plainReporter(out);
  reporter.emit({ type: 'span-start', id: 'a', parent: null, title: 'build the container image' });
  for (let at = 0; at < 20; at += 1) {
    vi.advanceTimersByTime(10_000);
    reporter.emit({ type: 'span-progress', id: 'a', text: 'cc -c main.c' });
  }
  expect(String(out.read())).not.toContain('still');
  vi.advanceTimersByTime(31_000);
  expect(String(out.read())).toBe('        still at it (build the container image), 3 min 50 s\n');
  void reporter.close();
  vi.advanceTimersByTime(100_000);
  expect(out.read()).toBe(null);
});

test('each line says what started, ended or was found, indented by depth', () => {
  const lines = told();
  expect(lines.slice(0, 3)).toEqual(['..    lab', 'ok    lab (2.5 s)', '..    plan']);
  expect(lines).toContain('        skip  limits.vm-swappiness: not settable in this machine');
  expect(lines.at(-1)).toBe('Stopping: releasing what this run made.');
});

test('a long step says when it begins how long it usually takes, and when it is later than that', () => {
  const out = new PassThrough();
  const reporter = plainReporter(out);
  reporter.emit({ type: 'span-start', id: 'a', parent: null, title: 'bake', expectedMs: 36_400 });
  reporter.emit({ type: 'span-start', id: 'b', parent: 'a', title: 'render', expectedMs: 9_000 });
  reporter.emit({ type: 'span-end', id: 'b', outcome: 'ok', durationMs: 8_500 });
  vi.advanceTimersByTime(62_000);
  reporter.emit({ type: 'span-end', id: 'a', outcome: 'ok', durationMs: 40_000 });
  void reporter.close();
  expect(String(out.read()).trimEnd().split('\n')).toEqual([
    '..    bake, about 35 s',
    '  ..    render',
    '  ok    render (8.5 s)',
    '        still at it (bake), 30 s of about 35 s',
    '        still at it (bake), 1 min, usually 35 s',
    'ok    bake (40.0 s)',
  ]);
});
