import { expect, test } from 'vitest';
import { LaneOutput } from '../../scripts/lane-output.ts';

test('what a lane prints before its turn is read after the lane before it, whole and in order', () => {
  const seen: string[] = [];
  const out = { write: (text: string | Buffer) => seen.push(text.toString()) };
  const first = new LaneOutput(true, out);
  const second = new LaneOutput(false, out);
  second.write('c');
  first.write('a');
  second.write(Buffer.from('d'));
  first.write('b');
  expect(seen.join('')).toBe('ab');
  second.begin();
  second.write('e');
  expect(seen.join('')).toBe('abcde');
});
