import { expect, test } from 'vitest';
import { createLog } from '../../hostd/log.ts';
import { statusOf } from '../../hostd/status.ts';

const STATE = {
  version: 1,
  phase: 'serving',
  status: 'accepting tasks',
  gate: 'open',
  instanceId: 'i-1',
  handshakeAttempts: 1,
  containersSeen: 7,
};
function text(more: object = {}): string {
  return JSON.stringify({ ...STATE, ...more });
}

test('a host that serves and keeps its gate', () => {
  const { exitCode, out } = statusOf(text(), '100\n', 100, false);
  expect(exitCode).toBe(0);
  expect(out).toContain('phase       serving\nstatus      accepting tasks\ngate        open\n');
  expect(statusOf(text(), '100\n', 100, true).out).toBe(text());
});

test('a recommendation of EC2 to rebalance is said; by itself it changes nothing', () => {
  const { exitCode, out } = statusOf(text({ isRebalanceRecommended: true }), '100\n', 100, false);
  expect(exitCode).toBe(0);
  expect(out).toContain('spot        EC2 recommends to rebalance\n');
});

test.each([null, '', '99\n', 'yes\n', '1000\n', '100', '9'.repeat(40)])(
  'one that says it serves, with %j for a lease, does not',
  (lease) => {
    const { exitCode, out } = statusOf(text(), lease, 100, false);
    expect(exitCode).toBe(1);
    expect(out).toContain('the host service does not answer');
    expect(out).toContain('gate        shut');
  },
);

test('what is damaged or not there is said in a line', () => {
  for (const damaged of ['', '{', 'null', '7', '[]', '{"phase":1}', '{"phase":"serving"}'])
    expect(statusOf(damaged, null, 1, false)).toMatchObject({
      exitCode: 2,
      out: '',
      err: expect.stringMatching(/^.*damaged.*\n$/),
    });
  expect(statusOf(null, null, 1, false)).toMatchObject({ exitCode: 2, err: expect.stringContaining('has not run') });
});

test('nothing that others wrote reaches a terminal or the journal as more than text', () => {
  const hostile = 'no\u001b]0;owned\u0007\r\n<0>panic';
  const { out } = statusOf(text({ phase: 'denied', status: hostile }), null, 1, false);
  for (const part of ['\u001b', '\u0007', '\r', '\n<0>']) expect(out).not.toContain(part);
  const json = text({ status: `${hostile}\u009b31m\u2028` });
  const printed = statusOf(json, null, 1, true).out;
  expect(printed).toMatch(/^[ -~]+$/);
  expect(JSON.parse(printed)).toEqual(JSON.parse(json));
  const lines: string[] = [];
  createLog((line) => lines.push(line)).say('error', hostile);
  expect(lines).toEqual(['<3>no ]0;owned   <0>panic\n']);
});
