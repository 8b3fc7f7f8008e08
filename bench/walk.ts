import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '#contracts/reason.ts';
import type { BootedHost } from '../test/e2e/booted-host.ts';
import { countedStarts } from '../test/e2e/counted-containers.ts';
import { prepareRoot } from '../test/e2e/revocation-storm.ts';
import { option, withServingHost } from './booted.ts';
import { saveResult } from './result.ts';
import { judge, type Sample, type Violation, type WalkEvent } from './walk-judge.ts';
import { giveClock, settle, takeStep, type Walker } from './walk-steps.ts';
import { startWatching, stopWatching } from './walk-watcher.ts';

/**
 * A random walk over the protocol's answers and over orders to systemd, on a booted machine of the lab, while somebody
 * independent looks at the gate and starts containers: the gate is never open without a grant of this boot. Now and
 * then everybody means well, and then the host must serve again.
 *
 *   node bench/walk.ts [--minutes N] [--seed N]
 */
const MINUTES = option('minutes', 60);
const SEED = option('seed', Date.now() % 1_000_000);
const SETTLE_EVERY_MS = 60_000;

/** mulberry32: small, and the same walk for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** @returns how often each step was taken */
async function walk(walker: Walker): Promise<Map<string, number>> {
  const taken = new Map<string, number>();
  const until = performance.now() + MINUTES * 60_000;
  let settleAt = performance.now() + SETTLE_EVERY_MS;
  while (performance.now() < until) {
    const name = await takeStep(walker);
    taken.set(name, (taken.get(name) ?? 0) + 1);
    await sleep(walker.random() ** 2 * 4000);
    if (performance.now() < settleAt) continue;
    await settle(walker);
    settleAt = performance.now() + SETTLE_EVERY_MS;
  }
  await settle(walker);
  return taken;
}

function decisionsOf({ host }: Walker): WalkEvent[] {
  return host.decided.flatMap(({ kind, atCs, delayMs }): WalkEvent[] => {
    if (kind === 'grant') return [{ cs: atCs, kind: 'grant', what: kind }];
    return kind === 'deny' ? [{ cs: atCs + delayMs / 10, kind: 'end', what: 'denial' }] : [];
  });
}

async function keep(host: BootedHost, kept: Readonly<Record<string, readonly unknown[]>>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'ecs-host-walk-'));
  for (const [name, all] of Object.entries(kept))
    await writeFile(join(folder, `${name}.ndjson`), all.map((each) => `${JSON.stringify(each)}\n`).join(''));
  await writeFile(join(folder, 'journal.txt'), await host.run('sudo journalctl --no-pager -o short-monotonic'));
  console.log(`kept: ${folder}`);
}

await withServingHost(async (host) => {
  console.log(`${MINUTES} minutes, seed ${SEED}`);
  const walker: Walker = { host, random: randomOf(SEED), events: [] };
  await prepareRoot(host);
  await giveClock(host);
  await host.reach('serving');
  await startWatching(host);
  let taken = new Map<string, number>();
  let stuck: string | null = null;
  try {
    taken = await walk(walker);
  } catch (error) {
    stuck = reasonOf(error);
  }
  const samples: readonly Sample[] = await stopWatching(host);
  const starts = await countedStarts(host);
  const events = [...decisionsOf(walker), ...walker.events].toSorted((a, b) => a.cs - b.cs);
  const violations: readonly Violation[] = judge(samples, starts, events);
  const steps = [...taken.values()].reduce((sum, times) => sum + times, 0);
  const open = samples.filter(({ gate }) => gate).length;
  console.log([...taken].map(([name, times]) => `${name} ${times}`).join(', '));
  const grants = events.filter(({ kind }) => kind === 'grant').length;
  console.log(
    `${steps} steps, ${grants} grants; ${samples.length} looks, the gate open in ${open};`,
    `${starts.length} containers started; ${violations.length} times open without a grant`,
  );
  for (const { cs, what } of violations.slice(0, 20)) console.log(`  ${cs}: ${what}`);
  if (stuck !== null) console.log(stuck);
  if (violations.length > 0 || stuck !== null) {
    process.exitCode = 1;
    return keep(host, { violations, samples, starts, events });
  }
  await saveResult('walk', {
    baseline: 'looks at which the gate was open',
    ratio: 1,
    goal: 1,
    rounds: steps,
    minutes: MINUTES,
    seed: SEED,
  });
});
