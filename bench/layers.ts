import type { LabHandle } from '../test/e2e/lab-handle.ts';
import { option } from './booted.ts';
import { withLab } from './lab.ts';
import { atMost, median, rounded, saveResult } from './result.ts';
import { timedBake } from './timed-bake.ts';

/**
 * What a bake of the fast layer takes of a whole one, and what the first bake in layers takes, which makes both; in
 * turn, on one lab, for the reference profile and for the small one.
 *
 *   node bench/layers.ts [--rounds N]
 */
const ROUNDS = option('rounds', 3);
const PROFILES = [
  { profile: 'g3s-focal', name: 'fast-layer', goal: 0.25 },
  // Nearly nothing but what every image takes; only watched.
  { profile: 'cpu-bookworm', name: 'fast-layer-cpu', goal: null },
] as const;

type Ratios = { readonly fast: readonly number[]; readonly both: number };

async function measure(lab: LabHandle, profile: string, signal: AbortSignal): Promise<Ratios> {
  const bake = async (how: string): Promise<number> =>
    (await timedBake(lab, signal, ['--profile', profile, how])).totalMs;
  // The first one warms what all use: mirror, page cache, the lab's parts.
  await bake('--no-layers');
  const bothMs = await bake('--layers');
  const whole: number[] = [];
  const fast: number[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    const [wholeMs, fastMs] = [await bake('--no-layers'), await bake('--layers')];
    whole.push(wholeMs);
    fast.push(fastMs / wholeMs);
    const [a, b] = [wholeMs, fastMs].map((ms) => (ms / 1000).toFixed(1));
    console.error(`${profile}, round ${round} of ${ROUNDS}: whole ${a} s, fast layer ${b} s`);
  }
  return { fast, both: bothMs / median(whole) };
}

await withLab(async (lab, signal) => {
  for (const { profile, name, goal } of PROFILES) {
    const { fast, both } = await measure(lab, profile, signal);
    const ratio = median(fast);
    const judged = goal === null ? 'no goal' : atMost(goal, ratio <= goal);
    console.log(
      `${profile}: fast layer of a whole bake ${ratio.toFixed(2)}; ${judged}; both ${both.toFixed(2)} (once)`,
    );
    await saveResult(name, {
      baseline: `ecs-host bake --no-layers --profile ${profile}`,
      ratio,
      ratios: fast.map(rounded),
      goal,
      rounds: ROUNDS,
      bothLayers: rounded(both),
    });
  }
});
