import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Meeting, Slots } from '../../src/nightly/together.ts';

test('never more than so many work at once, all of them in the end, also when some fail', async () => {
  const slots = new Slots(2);
  let [atOnce, most] = [0, 0];
  const order: number[] = [];
  const works = [0, 1, 2, 3, 4].map((each) =>
    slots.use(async () => {
      atOnce += 1;
      most = Math.max(most, atOnce);
      order.push(each);
      await turn();
      atOnce -= 1;
      if (each === 1) throw new Error('it failed');
      return each;
    }),
  );
  const ended = await Promise.allSettled(works);
  expect(most).toBe(2);
  expect(order).toEqual([0, 1, 2, 3, 4]);
  expect(ended.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled']);
});

test('nobody goes on before all have arrived, and who says it twice counts once', async () => {
  const meeting = new Meeting(['a', 'b', 'c']);
  const gone: string[] = [];
  const arrive = (guest: string): void => void meeting.arrive(guest).then(() => gone.push(guest));
  arrive('a');
  void meeting.arrive('a');
  arrive('b');
  await turn();
  expect(gone).toEqual([]);
  arrive('c');
  await turn();
  expect(gone).toEqual(['a', 'b', 'c']);
});
