import { join } from 'node:path';
import { execa } from 'execa';
import { projectFolder } from '../src/io/paths.ts';
import type { LabHandle } from '../test/e2e/lab-handle.ts';
import { withLab } from './lab.ts';
import { atMost, median, rounded, saveResult } from './result.ts';
import { ecsHost, type Timing, timedBake } from './timed-bake.ts';

/**
 * `make bench`: bakes with `ecs-host bake` and by hand (bench/by-hand.sh) in turn, on one lab in one run, and prints
 * the ratio and where the difference goes. Both use the same base image, packages, files and mirror; ours also plans,
 * validates and verifies.
 *
 *   node bench/bake.ts [--rounds N]
 */
const ROUNDS = Number(process.argv[process.argv.indexOf('--rounds') + 1]) || 3;
const GOAL = 0.85;
const REGION = 'us-west-2';

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1).padStart(7);
}

async function bakeByHand(args: readonly string[], signal: AbortSignal): Promise<Timing> {
  const startedAt = performance.now();
  const { stdout } = await execa(join(projectFolder(), 'bench', 'by-hand.sh'), args, {
    stdin: 'ignore',
    cancelSignal: signal,
  });
  const totalMs = performance.now() - startedAt;
  const phases: Record<string, number> = {};
  for (const [, name = '', ms] of stdout.matchAll(/^phase (\S+) (\d+)$/gm)) phases[name] = Number(ms);
  return { totalMs, phases };
}

function medians(timings: readonly Timing[]): Record<string, number> {
  const names = [...new Set(timings.flatMap(({ phases }) => Object.keys(phases)))];
  return Object.fromEntries(names.map((name) => [name, median(timings.map(({ phases }) => phases[name] ?? 0))]));
}

/** Pairs of our phases and theirs that do the same. What only we do stands alone. */
const COMPARED: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['preflight, plan and render', ['preflight', 'plan', 'sweep', 'render'], []],
  ['launch until ssh', ['create key pair and security group', 'launch build instance', 'wait for ssh'], ['launch']],
  [
    'packages, settings, services',
    [
      ...['provision: base', 'provision: packages', 'provision: docker', 'provision: ecs-agent'],
      ...['provision: host-service', 'provision: imds-block', 'provision: limits', 'provision: user-tools'],
    ],
    ['base', 'docker', 'agent-and-host-service', 'user-tools'],
  ],
  ['record and clean', ['provision: record-versions', 'provision: clean'], ['clean']],
  ['verify', ['provision: verify'], []],
  ['stop and image', ['stop build instance', 'create image', 'tag image'], ['image']],
  ['clean up', ['clean up'], ['clean-up']],
];

function sum(phases: Readonly<Record<string, number>>, names: readonly string[]): number {
  return names.reduce((total, name) => total + (phases[name] ?? 0), 0);
}

type Timings = {
  readonly ours: readonly Timing[];
  readonly byHand: readonly Timing[];
  /** The same command where nothing has changed: it looks, and bakes nothing. */
  readonly unchangedMs: readonly number[];
};

async function bakeNothing(lab: LabHandle, signal: AbortSignal): Promise<number> {
  const startedAt = performance.now();
  const stdout = await ecsHost(lab, ['bake', '--json'], signal);
  const totalMs = performance.now() - startedAt;
  if (!stdout.includes('"baked":false')) throw new Error('an image was baked, though nothing had changed');
  return totalMs;
}

async function measure(lab: LabHandle, signal: AbortSignal): Promise<Timings> {
  const work = await lab.newFolder();
  // The first bake warms what both use (mirror, page cache); the script carries the same bundle.
  await timedBake(lab, signal);
  await ecsHost(lab, ['render', '--out', join(work, 'render')], signal);
  const bundle = join(work, 'render', 'bundle.tar');
  const ours: Timing[] = [];
  const byHand: Timing[] = [];
  const unchangedMs: number[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    ours.push(await timedBake(lab, signal));
    unchangedMs.push(await bakeNothing(lab, signal));
    byHand.push(await bakeByHand([lab.endpoint, REGION, bundle, work], signal));
    const [a, b] = [ours, byHand].map((timings) => seconds(timings.at(-1)?.totalMs ?? 0));
    console.error(`round ${round} of ${ROUNDS}: ecs-host ${a} s, by hand ${b} s`);
  }
  return { ours, byHand, unchangedMs };
}

async function report({ ours, byHand, unchangedMs }: Timings): Promise<void> {
  const ratios = ours.map(({ totalMs }, index) => totalMs / (byHand[index]?.totalMs ?? Number.NaN));
  const ratio = median(ratios);
  const a = medians(ours);
  const b = medians(byHand);
  console.log(`${'median of seconds'.padEnd(30)}ecs-host  by hand  difference`);
  for (const [name, mine, theirs] of COMPARED) {
    const x = sum(a, mine);
    const y = sum(b, theirs);
    console.log(`${name.padEnd(30)}${seconds(x)}  ${seconds(y)}  ${seconds(x - y)}`);
  }
  const totalA = median(ours.map(({ totalMs }) => totalMs));
  const totalB = median(byHand.map(({ totalMs }) => totalMs));
  console.log(`${'whole command'.padEnd(30)}${seconds(totalA)}  ${seconds(totalB)}  ${seconds(totalA - totalB)}`);
  const all = ratios.map((each) => each.toFixed(2)).join(', ');
  console.log(`ratio ${ratio.toFixed(2)} (of ${all}); ${atMost(GOAL, ratio <= GOAL)}`);
  const shares = ours.map(({ totalMs }, index) => (unchangedMs[index] ?? Number.NaN) / totalMs);
  const share = median(shares);
  console.log(`unchanged ${seconds(median(unchangedMs))} s, ${share.toFixed(3)} of a whole bake`);
  await saveResult('unchanged', {
    ...{ baseline: 'a whole bake', ratio: share, ratios: shares.map(rounded), goal: null, rounds: ROUNDS },
  });
  await saveResult('bake', {
    baseline: 'bench/by-hand.sh',
    ratio,
    ratios: ratios.map(rounded),
    goal: GOAL,
    rounds: ROUNDS,
  });
}

await withLab(async (lab, signal) => {
  await report(await measure(lab, signal));
});
