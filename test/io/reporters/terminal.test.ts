import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { terminalReporter } from '../../../src/io/reporters/terminal.ts';
import { textWidth } from '../../../src/io/text.ts';
import { FakeTerminal } from '../../support/fake-terminal.ts';
import { BAKE, type Story, tell } from './a-bake.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function pass(ms: number): void {
  vi.advanceTimersByTime(ms);
}

/** The words that a person would miss; those of long lines at the bottom may be shortened. */
const WORDS = ['g3s.xlarge', 'successors', 'docker.no-other-runtime:', '/etc/docker/daemon.json)', 'releasing'];

test.each([60, 80, 120])('%i columns: what matters stays once, nothing else does, no word is cut', async (columns) => {
  const terminal = new FakeTerminal(columns);
  const reporter = terminalReporter(terminal, { isUnicode: true });
  tell(reporter, BAKE, pass);
  await reporter.close();
  const words = terminal.screen.split(/\s+/);
  for (const word of WORDS)
    expect(
      words.filter((each) => each === word),
      word,
    ).toHaveLength(1);
  for (const line of terminal.lines) expect(textWidth(line)).toBeLessThanOrEqual(columns);
  expect(terminal.screen).not.toMatch(/wait for ssh|Get:1|limits/);
  expect(terminal.isCursorShown).toBe(true);
});

test('a whole run at 80 columns', async () => {
  const terminal = new FakeTerminal(80);
  const reporter = terminalReporter(terminal, { isUnicode: true });
  tell(reporter, BAKE, pass);
  await reporter.close();
  expect(terminal.screen.split('\n')).toEqual([
    '✔ lab 2.5 s',
    'warning: AWS retired g3s.xlarge in October 2025; only those who used it before',
    '  can still launch it',
    '  hint: its successors are g4dn.xlarge, g5.xlarge and g6.xlarge',
    '✔ plan 500 ms',
    '  FAIL  docker.no-other-runtime: expected as it should be, found not as it',
    '        should be (nvidia-container-runtime is still named in',
    '        /etc/docker/daemon.json)',
    '✖ bake › packer build › provision › provision: verify 400 ms (2 correct, 1',
    '  failed, 1 skipped)',
    '✖ bake 1 min 32 s (2 correct, 1 failed, 1 skipped) - A check of the bake did not',
    '  hold.',
    'Stopping: releasing what this run made.',
  ]);
});

test.each([60, 80, 120])(
  '%i columns: what runs now, with its clock and its newest line, on lines of their own',
  (columns) => {
    const terminal = new FakeTerminal(columns);
    const reporter = terminalReporter(terminal, { isUnicode: false });
    const inDocker = BAKE.findIndex(
      (entry) => typeof entry !== 'number' && entry.type === 'span-progress' && entry.id === 'docker',
    );
    tell(reporter, BAKE, pass, inDocker + 2);
    const live = terminal.screen.split('\n').slice(-5);
    expect(live.slice(0, 4).map((line) => line.replace(/^[|/\\-]/, '*'))).toEqual([
      '* bake 1 min 31 s',
      '    packer build 1 min 31 s',
      '      provision 1 s',
      '        provision: docker 1 s',
    ]);
    expect(live[4]).toContain('install docker.io: Get:1');
    expect(textWidth(live[4] ?? '')).toBeLessThan(columns);
    expect(terminal.isCursorShown).toBe(false);
  },
);

test('a wait says how long it may take', () => {
  const terminal = new FakeTerminal(80);
  const reporter = terminalReporter(terminal, { isUnicode: false });
  tell(reporter, BAKE, pass, BAKE.indexOf(90_000) + 1);
  expect(terminal.screen).toContain('wait for ssh 1 min 30 s of at most 10 min');
});

test('more than the terminal has room for is cut below, and nothing scrolls', () => {
  const terminal = new FakeTerminal(80);
  terminal.rows = 10;
  const reporter = terminalReporter(terminal, { isUnicode: false });
  for (let at = 0; at < 30; at += 1)
    reporter.emit({ type: 'span-start', id: `s${at}`, parent: null, title: `part ${at}` });
  pass(5000);
  expect(terminal.screen.split('\n')).toHaveLength(8);
  expect(terminal.screen).toContain('part 6');
});

test('a terminal made narrower keeps no rest of the wider lines', async () => {
  const terminal = new FakeTerminal(120);
  const reporter = terminalReporter(terminal, { isUnicode: false });
  reporter.emit({
    type: 'span-start',
    id: 'a',
    parent: null,
    title: 'a title that is rather long, so that it breaks in a narrow terminal',
  });
  // As a terminal does it that wraps again what it shows.
  const wide = terminal.lines[0] ?? '';
  terminal.columns = 40;
  terminal.lines.splice(0, terminal.lines.length, wide.slice(0, 40), wide.slice(40), '');
  terminal.moveTo(2);
  pass(200);
  expect(terminal.screen.split('\n')).toHaveLength(1);
  await reporter.close();
  expect(terminal.screen).toBe('');
});

test('a line as wide as the terminal, and a word that is wider, lose nothing and leave nothing over', async () => {
  const terminal = new FakeTerminal(20);
  const reporter = terminalReporter(terminal, { isUnicode: false });
  reporter.emit({ type: 'span-start', id: 'a', parent: null, title: 'abcdefghijklmnop' });
  for (const text of ['x'.repeat(20), 'y'.repeat(21), 'z'.repeat(40)])
    reporter.emit({ type: 'note', code: 'SWEPT', text });
  await reporter.close();
  expect(terminal.screen.split('\n')).toEqual(['x', 'y', 'y', 'z', 'z'].map((c, at) => c.repeat(at === 2 ? 1 : 20)));
});

test('a message outside of everything that runs is a line that stays', async () => {
  const terminal = new FakeTerminal(80);
  const reporter = terminalReporter(terminal, { isUnicode: true });
  reporter.emit({ type: 'note', code: 'HOST_GRANTED', text: 'i-0aa may serve' });
  await reporter.close();
  await reporter.close();
  expect(terminal.lines).toEqual(['i-0aa may serve', '']);
});

describe('with what earlier runs took', () => {
  /** A bake in the middle, as it would be after earlier ones. */
  const EXPECTED: Story = [
    { type: 'span-start', id: 'bake', parent: null, title: 'bake', expectedMs: 61_000 },
    { type: 'span-start', id: 'packer', parent: 'bake', title: 'packer build', expectedMs: 58_000 },
    { type: 'span-start', id: 'ssh', parent: 'packer', title: 'wait for ssh', limitMs: 600_000, expectedMs: 35_200 },
    { type: 'span-start', id: 'new', parent: 'packer', title: 'a step that is new, with a title longer than a line' },
    { type: 'span-progress', id: 'ssh', text: 'Waiting for SSH to become available...' },
  ];

  function live(columns: number, afterMs: number): string[] {
    const terminal = new FakeTerminal(columns);
    const reporter = terminalReporter(terminal, { isUnicode: false, expectedMs: 96_000 });
    tell(reporter, EXPECTED, pass);
    pass(afterMs);
    for (const line of terminal.lines) expect(textWidth(line)).toBeLessThan(columns);
    const lines = terminal.screen.split('\n').map((line) => line.replace(/^[|/\\-]/, '*'));
    void reporter.close();
    return lines;
  }

  test.each([60, 80, 120])('%i columns: each step has both times, and so has all of it', (columns) => {
    const lines = live(columns, 12_000);
    expect(lines).toEqual([
      '* bake 12 s of about 1 min',
      '    packer build 12 s of about 1 min',
      '      wait for ssh 12 s of about 35 s',
      '        Waiting for SSH to become available...',
      expect.stringMatching(/^ {6}a step that is new, .+ 12 s$/),
      '  in all 12 s of about 1 min 35 s',
    ]);
  });

  test('what is late says so, and not how much is left', () => {
    expect(live(80, 100_000)).toEqual([
      '* bake 1 min 40 s, usually 1 min',
      '    packer build 1 min 40 s, usually 1 min',
      '      wait for ssh 1 min 40 s, usually 35 s, at most 10 min',
      '        Waiting for SSH to become available...',
      '      a step that is new, with a title longer than a line 1 min 40 s',
      '  in all 1 min 40 s, usually 1 min 35 s',
    ]);
  });

  test('in a narrow terminal a title is shortened, its clock is not', () => {
    expect(live(48, 100_000)).toContain('      a step that is new, with a ti… 1 min 40 s');
  });

  test('a warning stays above, and the last line is still that of all', () => {
    const terminal = new FakeTerminal(60);
    terminal.rows = 8;
    const reporter = terminalReporter(terminal, { isUnicode: false, expectedMs: 96_000 });
    for (const part of ['a', 'b', 'c', 'd', 'e', 'f', 'g'])
      reporter.emit({ type: 'span-start', id: part, parent: null, title: part });
    reporter.emit({ type: 'warning', code: 'SWEEP_FAILED', text: 'vol-0aa is still there' });
    pass(3000);
    const lines = terminal.screen.split('\n');
    expect(lines[0]).toBe('warning: vol-0aa is still there');
    expect(lines.slice(-2)).toEqual(['  …', '  in all 3 s of about 1 min 35 s']);
    expect(lines).toHaveLength(7);
    void reporter.close();
  });

  test('nothing of it stays', async () => {
    const terminal = new FakeTerminal(80);
    const reporter = terminalReporter(terminal, { isUnicode: true, expectedMs: 3000 });
    reporter.emit({ type: 'span-start', id: 'a', parent: null, title: 'plan', expectedMs: 3000 });
    pass(2500);
    reporter.emit({ type: 'span-end', id: 'a', outcome: 'ok', durationMs: 2500 });
    await reporter.close();
    expect(terminal.screen).toBe('✔ plan 2.5 s');
  });
});
