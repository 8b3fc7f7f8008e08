import { describe, expect, test } from 'vitest';
import { allEnded } from '../../src/io/all-ended.ts';
import { poll, waitUntil } from '../../src/io/wait-until.ts';

const QUICK = { timeoutMs: 20, intervalMs: 1 };

describe('poll', () => {
  test('asks until there is an answer', async () => {
    let asked = 0;
    expect(await poll(() => (++asked < 3 ? null : asked), { ...QUICK, timeoutMs: 5000 })).toBe(3);
  });

  test('gives null when the time is over; who must have an answer is told what was waited for', async () => {
    expect(await poll(() => null, QUICK)).toBeNull();
    await expect(waitUntil('a bus', async () => null, QUICK)).rejects.toMatchObject({
      code: 'SMOKE_TIMEOUT',
      message: 'Waited 0 s in vain: a bus.',
    });
  });

  test('ends at once when aborted in a pause, with the reason of the signal', async () => {
    const controller = new AbortController();
    const waiting = poll(() => null, { timeoutMs: 60_000, intervalMs: 60_000, signal: controller.signal });
    controller.abort(new Error('stopped'));
    await expect(waiting).rejects.toThrow('stopped');
  });

  test('what asking throws ends it', async () => {
    await expect(poll(() => Promise.reject(new Error('refused')), QUICK)).rejects.toThrow('refused');
  });
});

describe('allEnded', () => {
  test('gives the results in order', async () => {
    expect(await allEnded([Promise.resolve(1), Promise.resolve('two')])).toEqual([1, 'two']);
  });

  test('throws the first reason only after the last has ended', async () => {
    const slow = Promise.withResolvers<void>();
    let isOver = false;
    const all = allEnded([Promise.reject(new Error('first')), slow.promise]).finally(() => {
      isOver = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isOver).toBe(false);
    slow.resolve();
    await expect(all).rejects.toThrow('first');
  });
});
