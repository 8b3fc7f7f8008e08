import type { LabHandle } from '../test/e2e/lab-handle.ts';
import { option } from './booted.ts';
import { withLab } from './lab.ts';
import { atMost, median, rounded, saveResult } from './result.ts';
import { ecsHost } from './timed-bake.ts';

/**
 * What the audit adds to a smoke test that it runs beside: the whole command with all parts, against all parts but that
 * one; in turn, on one lab and one image.
 *
 *   node bench/audit.ts [--rounds N] [--profile NAME]
 */
const ROUNDS = option('rounds', 3);
const REST = 'gate,cluster,verify,network,workload';
/** Without it, the region's; only that one is kept in results.json. */
const profileAt = process.argv.indexOf('--profile');
const OF = profileAt === -1 ? [] : ['--profile', String(process.argv[profileAt + 1])];
/** Seconds. */
const GOAL_S = 15;

async function smoked(lab: LabHandle, imageId: string, signal: AbortSignal, more: readonly string[]): Promise<number> {
  const startedAt = performance.now();
  await ecsHost(lab, ['smoke', imageId, '--json', ...more], signal);
  return performance.now() - startedAt;
}

await withLab(async (lab, signal) => {
  const baked = await ecsHost(lab, ['bake', '--force', '--json', ...OF], signal);
  const last = baked.split('\n').findLast((line) => line.startsWith('{')) ?? '{}';
  const imageId = String((JSON.parse(last) as { imageId?: string }).imageId);
  // The first one reads the base image's disk, which is kept, and warms what all use.
  await smoked(lab, imageId, signal, []);
  const ratios: number[] = [];
  const added: number[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    const withoutMs = await smoked(lab, imageId, signal, ['--only', REST]);
    const withMs = await smoked(lab, imageId, signal, []);
    ratios.push(withMs / withoutMs);
    added.push((withMs - withoutMs) / 1000);
    const [a, b] = [withoutMs, withMs].map((ms) => (ms / 1000).toFixed(1));
    console.error(`round ${round} of ${ROUNDS}: without ${a} s, with the audit ${b} s`);
  }
  const addedS = median(added);
  console.log(
    `the audit adds ${addedS.toFixed(1)} s (${median(ratios).toFixed(2)}); ${atMost(GOAL_S, addedS <= GOAL_S)}`,
  );
  if (OF.length > 0) return;
  await saveResult('audit', {
    baseline: `ecs-host smoke --only ${REST}`,
    ratio: median(ratios),
    ratios: ratios.map(rounded),
    goal: null,
    rounds: ROUNDS,
  });
});
