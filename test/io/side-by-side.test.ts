import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { sideBySide } from '../../src/io/side-by-side.ts';

test('results have the order of the items, and no more than so many run at once', async () => {
  let running = 0;
  let most = 0;
  const work = async (item: number): Promise<number> => {
    running += 1;
    most = Math.max(most, running);
    await sleep(5 - item);
    running -= 1;
    return item * 10;
  };
  expect(await sideBySide([4, 3, 2, 1, 0], 2, work)).toEqual([40, 30, 20, 10, 0]);
  expect(most).toBe(2);
  expect(await sideBySide([], 2, work)).toEqual([]);
});

test('after a failure nothing more is begun, and what was under way has ended', async () => {
  const begun: number[] = [];
  const ended: number[] = [];
  const all = sideBySide([0, 1, 2, 3], 2, async (item) => {
    begun.push(item);
    if (item === 0) throw new Error('first');
    await sleep(2);
    ended.push(item);
  });
  await expect(all).rejects.toThrow('first');
  expect(begun).toEqual([0, 1]);
  expect(ended).toEqual([1]);
});

test('each of those side by side has an item or more, and is told which it is', async () => {
  const workers: number[] = [];
  await sideBySide(['a', 'b', 'c', 'd', 'e'], 3, async (_, worker) => {
    workers.push(worker);
    await sleep(1);
  });
  expect(workers).toHaveLength(5);
  expect([...new Set(workers)].sort()).toEqual([0, 1, 2]);
});
