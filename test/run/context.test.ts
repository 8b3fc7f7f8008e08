import { expect, test } from 'vitest';
import { userError } from '../../src/io/errors.ts';
import type { Message } from '../../src/io/reporter.ts';
import { createContext } from '../../src/run/context.ts';

test('a failure is told by the span in which it happened, and not again by those around it', async () => {
  const told: Message[] = [];
  const reporter = { emit: (message: Message) => void told.push(message), close: async () => {} };
  const ctx = createContext({ runId: 'r', reporter, signal: new AbortController().signal });
  const failing = ctx.span('bake', () =>
    ctx.span('packer build', async () => {
      throw userError('PLAN_VERSION_MISMATCH', 'The plan is of another version.');
    }),
  );
  await expect(failing).rejects.toMatchObject({ code: 'PLAN_VERSION_MISMATCH' });
  const ends = told.filter((message) => message.type === 'span-end');
  expect(ends.map(({ outcome, note }) => [outcome, note])).toEqual([
    ['failed', 'The plan is of another version.'],
    ['failed', undefined],
  ]);
});

test('a span may say how long it goes on', async () => {
  const told: Message[] = [];
  const reporter = { emit: (message: Message) => void told.push(message), close: async () => {} };
  const ctx = createContext({ runId: 'r', reporter, signal: new AbortController().signal });
  await ctx.span('wait', async (span) => span.child('wait for ssh', 600_000).end('ok'), 900_000);
  expect(told.flatMap((message) => (message.type === 'span-start' ? [[message.title, message.limitMs]] : []))).toEqual([
    ['wait', 900_000],
    ['wait for ssh', 600_000],
  ]);
});
