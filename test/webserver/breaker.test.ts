import { expect, test } from 'vitest';
import { DenialBreaker, HOLD_MS, SilenceBreaker, WINDOW_MS } from '../../webserver/breaker.ts';

function createDenials() {
  const clock = { ms: 0 };
  const trips: string[] = [];
  const breaker = new DenialBreaker(
    () => clock.ms,
    (denied, all) => trips.push(`${denied} of ${all}`),
  );
  const deny = (count: number, all: number): boolean[] =>
    Array.from({ length: count }, (_, n) => breaker.mayDeny(`i-${n}`, all));
  return { clock, trips, breaker, deny };
}
function all(count: number, value: boolean): boolean[] {
  return Array<boolean>(count).fill(value);
}

test.each([
  [1, 1],
  [2, 2],
  [20, 100],
])('%i denials of %i hosts are held back for a short time, then final', (denied, known) => {
  const { clock, trips, deny } = createDenials();
  expect(deny(denied, known)).toEqual(all(denied, false));
  clock.ms += HOLD_MS - 1;
  expect(deny(denied, known)).toEqual(all(denied, false));
  clock.ms += 1;
  expect(deny(denied, known)).toEqual(all(denied, true));
  expect(trips).toEqual([]);
});

test.each([
  [3, 3],
  [21, 100],
])('%i denials of %i hosts are a mass: none is final, until an operator means it', (denied, known) => {
  const { clock, trips, breaker, deny } = createDenials();
  deny(denied, known);
  expect(trips).toEqual([`${denied} of ${known}`]);
  clock.ms += HOLD_MS * 2;
  expect(deny(denied, known)).toEqual(all(denied, false));
  clock.ms += WINDOW_MS * 2;
  expect(breaker.mayDeny('i-0', known)).toBe(false);
  breaker.resume();
  expect(deny(denied, known)).toEqual(all(denied, true));
  clock.ms += WINDOW_MS;
  expect(deny(1, known)).toEqual([false]);
  expect(trips).toHaveLength(1);
});

test('denials that are far apart, or were followed by a grant, are no mass', () => {
  const { clock, trips, breaker } = createDenials();
  for (let n = 0; n < 10; n += 1) {
    breaker.mayDeny(`i-${n}`, 10);
    clock.ms += WINDOW_MS / 2;
  }
  for (let n = 0; n < 10; n += 1) {
    breaker.mayDeny(`i-${n}`, 10);
    breaker.granted(`i-${n}`);
  }
  expect(trips).toEqual([]);
});

test('silent hosts are ended while they are few; those that were just ended count', () => {
  const clock = { ms: 0 };
  const said: string[] = [];
  const breaker = new SilenceBreaker(
    () => clock.ms,
    (isTripped, silent, known) => said.push(`${isTripped} ${silent} of ${known}`),
  );
  expect([breaker.mayEnd(1, 1), breaker.mayEnd(2, 2), breaker.mayEnd(20, 100)]).toEqual([true, true, true]);
  expect([breaker.mayEnd(21, 100), breaker.mayEnd(22, 100)]).toEqual([false, false]);
  expect(said).toEqual(['true 21 of 100']);
  expect(breaker.mayEnd(20, 100)).toBe(true);
  expect(said[1]).toBe('false 20 of 100');
  breaker.ended('i-1');
  breaker.ended('i-2');
  expect(breaker.mayEnd(1, 8)).toBe(false);
  clock.ms += WINDOW_MS;
  expect(breaker.mayEnd(1, 8)).toBe(true);
  expect(breaker.mayEnd(8, 8)).toBe(false);
  breaker.resume();
  expect(breaker.mayEnd(8, 8)).toBe(true);
  clock.ms += WINDOW_MS;
  expect(breaker.mayEnd(8, 8)).toBe(false);
});
