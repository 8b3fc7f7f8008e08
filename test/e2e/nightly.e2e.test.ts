import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LabHandle, startLabForTests } from './lab-handle.ts';
import {
  AWAY,
  HOME,
  killedNight,
  launches,
  leftOfNights,
  type Named,
  namedByPointers,
  nightsConfig,
  order,
  runNight,
} from './nights.ts';

/**
 * Nights in one lab, good and bad ones, by the command that the workflow calls. In this order: each begins with what
 * the one before left. After each the pointers name images that passed where they are, and nothing is left behind.
 */
let lab: LabHandle;
let config: string;
let before: Named[];

beforeAll(async () => {
  lab = await startLabForTests();
  config = await nightsConfig(lab);
});
afterAll(async () => {
  await lab?.down();
});

const CHANNEL = 'cpu-bookworm nightly';

test('a night whose copy fails publishes nothing, anywhere', async () => {
  const times = 20;
  await order(lab, 'POST', 'copies', { region: AWAY.apiRegion, failure: 'the copy broke', times });
  const { exitCode, all, summary, outcome } = await runNight(lab, config);
  await order(lab, 'DELETE', 'copies');
  expect(exitCode, all).toBe(3);
  expect(outcome).toMatchObject({ status: 'failed', failure: { stage: 'release', code: 'COPY_FAILED' } });
  expect(summary).toContain('the copy broke');
  expect(outcome.stages.map(({ stage }) => stage)).toEqual(
    expect.arrayContaining(['plan', 'bake', 'smoke', 'release']),
  );
  expect(await namedByPointers(lab)).toEqual([]);
  expect(await leftOfNights(lab)).toEqual([]);
});

test('the next one bakes nothing, and publishes what had passed in both regions', async () => {
  const launched = await launches(lab);
  const { exitCode, all, summary, outcome } = await runNight(lab, config);
  expect(exitCode, all).toBe(0);
  expect(outcome).toMatchObject({ status: 'released', failure: null });
  expect(await launches(lab)).toBe(launched);
  before = await namedByPointers(lab);
  expect(before).toEqual([
    { where: `${CHANNEL} ${HOME.region}`, imageId: outcome.imageId, verdict: 'passed' },
    { where: `${CHANNEL} ${AWAY.region}`, imageId: outcome.published[1]?.imageId, verdict: 'passed' },
  ]);
  expect(summary).toContain(`Published in ${HOME.region} (\`${before[0]?.imageId}\`), ${AWAY.region} (`);
  expect(await leftOfNights(lab)).toEqual([]);
});

test('a night without a change does nothing', async () => {
  const launched = await launches(lab);
  const { exitCode, all, summary, outcome } = await runNight(lab, config);
  expect(exitCode, all).toBe(0);
  expect(outcome).toMatchObject({ status: 'unchanged', imageId: before[0]?.imageId, published: [] });
  expect(summary).toContain('## Nightly: 1 unchanged');
  expect(await launches(lab)).toBe(launched);
  expect(await namedByPointers(lab)).toEqual(before);
});

test('a night on which AWS has no room says where it looked', async () => {
  // A quota is told at once; where a zone has no room Packer asks again for most of a minute.
  await order(lab, 'POST', 'capacity', { launches: 50, code: 'VcpuLimitExceeded' });
  const { exitCode, all, summary, outcome } = await runNight(lab, config, ['--force']);
  await order(lab, 'DELETE', 'capacity');
  expect(exitCode, all).toBe(3);
  expect(outcome.failure).toMatchObject({ stage: 'bake', code: 'NO_CAPACITY' });
  expect(outcome.tried).toMatchObject([{ instanceType: 't3.large', code: 'VcpuLimitExceeded' }]);
  expect(summary).toMatch(/`t3\.large` in `us-west-2\w` \| `VcpuLimitExceeded`/);
  expect(await namedByPointers(lab)).toEqual(before);
  expect(await leftOfNights(lab)).toEqual([]);
});

test('what a night that was killed left is swept by the next one', async () => {
  await killedNight(lab, config, /docker/);
  expect((await leftOfNights(lab)).length).toBeGreaterThan(0);
  expect(await namedByPointers(lab)).toEqual(before);
  const { exitCode, all, summary, night } = await runNight(lab, config);
  expect(exitCode, all).toBe(0);
  expect(night.swept[0]?.removed.length).toBeGreaterThan(0);
  expect(summary).toMatch(/- local: removed .+ of run r-/);
  expect(await namedByPointers(lab)).toEqual(before);
  expect(await leftOfNights(lab)).toEqual([]);
});

test('an image that fails is not published, and the summary says which check it was', async () => {
  const changed = await nightsConfig(lab, { swapMiB: 64, workloadRef: 'no-such-branch' });
  const { exitCode, all, summary, outcome } = await runNight(lab, changed);
  expect(exitCode, all).toBe(4);
  expect(outcome.failure).toMatchObject({ stage: 'smoke', code: 'SMOKE_FAILED' });
  expect(outcome.imageId).not.toBe(before[0]?.imageId);
  expect(outcome.changed?.join()).toMatch(/swap/i);
  expect(summary).toContain('- workload.clone: ');
  expect(await namedByPointers(lab)).toEqual(before);
  expect(await leftOfNights(lab)).toEqual([]);
});
