import { expect, test } from 'vitest';
import { createLog } from '../../hostd/log.ts';

function record() {
  const lines: string[] = [];
  return { lines, log: createLog((line) => lines.push(line)) };
}

test('a line is one line, with its priority, whatever is in it', () => {
  const { lines, log } = record();
  log.say('warning', 'no\r\n<0>panic\u0000\u001b[2J\u007f\u0085\u009b31m\u2028\u2029\ud800 end');
  expect(lines).toEqual(['<4>no  <0>panic  [2J   31m  \ufffd end\n']);
  log.say('info', 'x'.repeat(100_000));
  expect(lines[1]?.length).toBe('<6>\n'.length + 2000);
});

test('what repeats is said once until it changes', () => {
  const { lines, log } = record();
  for (const text of ['away', 'away', 'back', 'away']) log.once('webserver', 'error', text);
  log.once('other', 'error', 'away');
  expect(lines).toEqual(['<3>away\n', '<3>back\n', '<3>away\n', '<3>away\n']);
});

test('the topics that are remembered have an end, and the oldest is forgotten first', () => {
  const { lines, log } = record();
  for (let index = 0; index < 1000; index += 1) log.once(`topic ${index}`, 'info', 'well');
  lines.length = 0;
  log.once('topic 999', 'info', 'well');
  expect(lines).toEqual([]);
  log.once('topic 0', 'info', 'well');
  expect(lines).toEqual(['<6>well\n']);
});
