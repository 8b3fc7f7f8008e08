import { afterEach, expect, test, vi } from 'vitest';
import { kindOfRun, Recorder } from '../../src/cli/recorder.ts';
import type { Message } from '../../src/io/reporter.ts';
import { withSamples } from '../../src/run/timings.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

/** Titles of spans that open, then what ended. */
const RUN: readonly Message[] = [
  { type: 'span-start', id: 's1', parent: null, title: 'bake' },
  { type: 'span-start', id: 's2', parent: 's1', title: 'boot' },
  { type: 'span-end', id: 's2', outcome: 'ok', durationMs: 7000 },
  { type: 'span-start', id: 's3', parent: 's1', title: 'provision' },
  { type: 'span-end', id: 's3', outcome: 'failed', durationMs: 900 },
  { type: 'span-end', id: 's1', outcome: 'failed', durationMs: 8000 },
];

function recorded(kind: string, story = RUN): { recorder: Recorder; told: Message[] } {
  const told: Message[] = [];
  const timings = withSamples(new Map(), [
    { step: 'ami local › bake', durationMs: 9000 },
    { step: 'ami local › bake › boot', durationMs: 5000 },
    { step: 'ami us-east-2 › bake', durationMs: 90_000 },
  ]);
  const inner = { emit: (message: Message) => told.push(message), close: async () => {} };
  const recorder = new Recorder({ ...inner, emit: (message) => void inner.emit(message) }, { kind, timings });
  for (const message of story) recorder.emit(message);
  return { recorder, told };
}

function expectations(kind: string): unknown[] {
  return recorded(kind).told.flatMap((message) => (message.type === 'span-start' ? [message.expectedMs] : []));
}

test('a step is told with what it took before, by verb, place and path', () => {
  expect(expectations('ami local')).toEqual([9000, 5000, undefined]);
  expect(expectations('ami us-east-2')).toEqual([90_000, undefined, undefined]);
  expect(expectations('')).toEqual([undefined, undefined, undefined]);
});

test('only what ended well counts, and the run as a whole only when it did', () => {
  const { recorder } = recorded('ami local');
  expect(recorder.samples(null)).toEqual([{ step: 'ami local › bake › boot', durationMs: 7000 }]);
  expect(recorder.samples(9500).at(-1)).toEqual({ step: 'ami local', durationMs: 9500 });
  expect(recorded('').recorder.samples(9500)).toEqual([]);
  expect(recorded('ami local', []).recorder.samples(9500)).toEqual([]);
});

test('all that ended is kept for the record', () => {
  expect(recorded('ami local').recorder.spans()).toEqual([
    { name: 'boot', stage: 'bake', durationMs: 7000, outcome: 'ok' },
    { name: 'provision', stage: 'bake', durationMs: 900, outcome: 'failed' },
    { name: 'bake', stage: 'bake', durationMs: 8000, outcome: 'failed' },
  ]);
});

test.each([
  [{ _: ['ami'] }, 'ami local'],
  [{ _: ['image', 'list'], region: 'us-east-2', profile: 'g3s-focal' }, 'image list us-east-2 g3s-focal'],
  [{ _: ['ami'], plan: 'out/plan.json' }, 'ami --plan out/plan.json'],
  [{ _: ['smoke'], image: 'ami-0aa', only: 'gate' }, 'smoke local gate'],
  [{ plain: true }, ''],
])('runs are alike: %j is "%s"', (argv, kind) => {
  vi.stubEnv('AWS_ENDPOINT_URL', '');
  expect(kindOfRun(argv)).toBe(kind);
});

test('another endpoint is another place', () => {
  vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:4599');
  expect(kindOfRun({ _: ['ami'], region: 'us-east-2' })).toBe('ami us-east-2 at AWS_ENDPOINT_URL');
});
