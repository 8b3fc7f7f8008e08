import { planPrune } from '../src/release/prune/plan-prune.ts';
import type { PruneRules } from '../src/release/prune/select.ts';
import { FakeRegion } from '../test/release/fake-region.ts';
import { atMost, median, saveResult } from './result.ts';

/**
 * The plan of a prune over an account as it is after years: 10,000 images in 20 regions, with what uses them. The API
 * is one in memory that pages as EC2 does, so what is measured is our part; its answers, read once as the JSON that
 * they would be on the wire, are the floor. Calls count, since each takes its time on AWS.
 */
const REGIONS = 20;
const IMAGES = 500;
const INSTANCES = 200;
const TEMPLATES = 25;
const ROUNDS = 7;
const GOAL = 6;
const CALLS_GOAL = 25;

const RULES: PruneRules = {
  olderThanMs: 30 * 24 * 60 * 60_000,
  keep: 5,
  channel: null,
  profile: null,
  now: Date.parse('2026-11-27'),
};

function dayOf(at: number): string {
  return new Date(Date.parse('2026-11-27') - at * 12 * 60 * 60_000).toISOString();
}

async function filled(at: number): Promise<FakeRegion> {
  const region = new FakeRegion(`region-${at}`);
  for (let image = 0; image < IMAGES; image += 1) {
    const verdict = image % 10 === 0 ? null : image % 10 === 1 ? 'failed' : 'passed';
    region.bake(`ami-${at}-${image}`, { at: dayOf(image), profile: `p${image % 5}`, verdict });
  }
  for (let profile = 0; profile < 5; profile += 1)
    for (const channel of ['nightly', 'beta', 'stable'] as const)
      await region.release(channel, `ami-${at}-${10 * profile + profile + 50}`, `p${profile}`);
  region.instances = Array.from({ length: INSTANCES }, (_, instance) => {
    return { InstanceId: `i-${instance}`, ImageId: `ami-${at}-${instance * 2}`, State: { Name: 'running' as const } };
  });
  region.versions = Array.from({ length: TEMPLATES * 2 }, (_, version) => ({
    LaunchTemplateId: `lt-${Math.floor(version / 2)}`,
    VersionNumber: 1 + (version % 2),
    DefaultVersion: version % 2 === 0,
    LaunchTemplateData: { ImageId: `ami-${at}-${version * 3}` },
  }));
  return region;
}

const regions = await Promise.all(Array.from({ length: REGIONS }, (_, at) => filled(at)));
const wire = regions.map(({ images, instances, versions, snapshots }) =>
  JSON.stringify([[...images.values()], instances, versions, [...snapshots.values()]]),
);

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

const plans: number[] = [];
const floor: number[] = [];
let prunable = 0;
let calls = 0;
for (let round = -1; round < ROUNDS; round += 1) {
  for (const region of regions) region.calls.length = 0;
  const planMs = await timed(async () => {
    const made = await Promise.all(regions.map(({ place }) => planPrune(place, RULES)));
    prunable = made.reduce((sum, plan) => sum + plan.prunable.length, 0);
  });
  const floorMs = await timed(async () => wire.map((text) => JSON.parse(text)));
  calls = regions.reduce((sum, region) => sum + region.calls.length, 0);
  // The first one warms up.
  if (round < 0) continue;
  plans.push(planMs);
  floor.push(floorMs);
}
const ratio = median(plans) / median(floor);
const each = calls / REGIONS;
console.log(
  `prune plan of ${REGIONS * IMAGES} images in ${REGIONS} regions: ${(median(plans) / 1000).toFixed(3)} s,`,
  `${calls} API calls (${each.toFixed(1)} a region, ${atMost(CALLS_GOAL, each <= CALLS_GOAL)}), ${prunable} would go;`,
  `one pass over the same JSON ${(median(floor) / 1000).toFixed(3)} s: ratio ${ratio.toFixed(2)};`,
  atMost(GOAL, ratio <= GOAL),
);
await saveResult('release: prune plan', {
  baseline: 'JSON.parse of the same answers',
  ratio,
  goal: GOAL,
  rounds: ROUNDS,
  images: REGIONS * IMAGES,
  regions: REGIONS,
  calls,
});
