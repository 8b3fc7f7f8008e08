import { afterEach, expect, test, vi } from 'vitest';
import type { Check } from '#contracts/check.ts';
import type { Session } from '../../src/cli/session.ts';
import { close } from '../../src/cli/verbs/closing.ts';
import { textWidth } from '../../src/io/text.ts';
import type { Span } from '../../src/run/span.ts';
import type { SmokeResult } from '../../src/smoke/verdict.ts';

/** Reasons for which a bake in the lab skips, as often as it does. */
const SKIPS = [
  [8, 'not settable in this machine'],
  [4, 'the bake looked; on a booted machine the gate decides'],
  [2, 'profile cpu-bookworm has no GPU'],
  [1, 'not here: this machine has no NVIDIA GPU'],
  [1, 'the bake looked; a booted host has its own'],
  [1, 'it runs on booted machines only'],
  [1, 'it is watched on booted machines'],
] as const;

const CHECKS: readonly Check[] = SKIPS.flatMap(([count, reason]) =>
  Array.from({ length: count }, (_, at) => ({
    id: `${reason} ${at}`,
    title: 'a check',
    expected: 'x',
    actual: 'not looked at',
    verdict: 'skipped' as const,
    reason,
  })),
);

const SUBSTITUTIONS = [
  ['docker', 'docker.io from Debian'],
  ['ecs-agent', "the lab's stand-in ECS agent"],
  ['aws-cli', 'awscli from Debian'],
  ['container base layers', "the lab's registry (images made of Debian packages)"],
] as const;

const STAGES = ['lab', 'plan', 'render', 'bake', 'smoke', 'leave the lab'];

type Size = { readonly columns: number; readonly rows: number };

afterEach(() => {
  vi.restoreAllMocks();
});

/** The last lines of `ami` on a terminal of that size, or in a pipe. */
async function closed(size: Size | null): Promise<string[]> {
  let said = '';
  const write = (text: string): boolean => {
    said += text;
    return true;
  };
  vi.spyOn(process, 'stdout', 'get').mockReturnValue({ isTTY: size !== null, ...size, write } as never);
  const spans: Span[] = STAGES.map((stage) => ({ name: stage, stage, durationMs: 12_345, outcome: 'ok' }));
  const session = { reporter: { emit: () => {}, close: async () => {} }, spans: () => spans } as unknown as Session;
  await close(session, false, {
    imageId: 'ami-5d6db68c4c3ceacd0',
    baked: true,
    since: null,
    substitutions: SUBSTITUTIONS.map(([component, source]) => ({ component, source })) as never,
    recordFile: '/home/somebody/.local/state/ecs-host/images/ami-5d6db68c4c3ceacd0.json',
    result: { verdict: 'passed', checks: CHECKS } as unknown as SmokeResult,
  });
  return said.trimEnd().split('\n');
}

test.each([80, 120])('%i columns: the summary, its stages above and the prompt fit a screen', async (columns) => {
  const lines = await closed({ columns, rows: 24 });
  expect(lines.length + STAGES.length + 1).toBeLessThanOrEqual(24);
  for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(columns);
  const isCut = lines.some((line) => line.endsWith('all normal: `ecs-host image show ami-5d6db68c4c3ceacd0`'));
  expect(isCut).toBe(columns === 80);
  expect(lines.at(-1)).toMatch(/^record/);
});

test('a tall terminal, and a pipe, get every reason', async () => {
  for (const size of [{ columns: 80, rows: 60 }, null]) {
    const text = (await closed(size)).join('\n');
    for (const [count] of SKIPS) expect(text).toMatch(new RegExp(`^(skipped|  ) +${count} `, 'm'));
    expect(text).not.toContain('all normal');
  }
});
