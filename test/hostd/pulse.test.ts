import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { followPulse } from '../../hostd/pulse.ts';
import { Stall } from '../../hostd/stall.ts';

test('a Docker that misses once is not silent; two misses are said once; what lasts is told again', async () => {
  const over = new AbortController();
  const told: string[] = [];
  let answers = [true, false, true, false, false];
  let isDead = false;
  const done = followPulse({
    docker: {
      ping: async () => {
        const [answer = !isDead, ...rest] = answers;
        answers = rest;
        if (answers.length === 0 && told.length === 0) isDead = true;
        if (!answer) throw new Error('no answer');
      },
    },
    signal: over.signal,
    times: { everyMs: 10, limitMs: 10, killAfterMs: 100 },
    onRound: () => undefined,
    onSilent: async (why) => void told.push(`silent: ${why}`),
    onStillSilent: async () => void told.push('still'),
    onBack: async () => void told.push('back'),
  });
  await expect.poll(() => told.length).toBe(3);
  isDead = false;
  await expect.poll(() => told.at(-1)).toBe('back');
  expect(told.slice(0, 3)).toEqual(['silent: no answer', 'still', 'still']);
  over.abort();
  await done;
});

test('a stream that tells nothing of a container that runs is found; one that does not run is none', async () => {
  const stall = new Stall(20);
  for (const id of ['told', 'ended', 'late']) stall.witnessed(id);
  stall.told('told');
  expect(await stall.late(async () => true)).toBeNull();
  await sleep(40);
  expect(await stall.late(async (id) => id === 'late')).toBe('late');
  expect(await stall.late(async () => true)).toBeNull();
});
