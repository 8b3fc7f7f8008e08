import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Difference } from '../../src/inventory/difference.ts';
import { HARMLESS } from './alterations.ts';
import { changedImage, failedIds } from './changed-image.ts';
import { awsLeftovers, type LabHandle, startLabForTests } from './lab-handle.ts';
import { cli, events } from './support.ts';

/** What is on an image, explained thing by thing: one that time has changed, and two of one plan. */
let lab: LabHandle;
let first: string;

beforeAll(async () => {
  lab = await startLabForTests();
});
afterAll(async () => {
  await lab?.down();
});

async function audited(imageId: string) {
  const run = await cli(['smoke', imageId, '--only', 'audit', '--json'], lab.environment);
  return { run, failed: failedIds(events(run)) };
}

test('all that a bake leaves is explained', async () => {
  const run = await cli(['bake', '--force', '--json'], lab.environment);
  expect(run.exitCode, run.all).toBe(0);
  first = String(events(run).at(-1)?.['imageId']);
  const { run: smoke, failed } = await audited(first);
  expect(failed, smoke.all).toEqual([]);
  expect(smoke.exitCode, smoke.all).toBe(0);
});

test('what is otherwise by nobody’s fault passes', async () => {
  const after = '';
  const before = HARMLESS.join('\n');
  const imageId = await changedImage(lab, { name: 'harmless', before, after, imageId: first });
  const { run, failed } = await audited(imageId);
  expect(failed, run.all).toEqual([]);
  expect(run.exitCode, run.all).toBe(0);
});

/** Why two bakes of one plan are not the same bytes, each by who explains it. */
const OF_THE_DAY = [
  // When it was baked, and when its machine shut down.
  '/opt/ecs-host/image.json',
  '/var/log/wtmp',
];

test('two bakes of one plan differ in a list that can be read', async () => {
  const run = await cli(['bake', '--force', '--json'], lab.environment);
  const second = String(events(run).at(-1)?.['imageId']);
  expect((await audited(second)).failed).toEqual([]);
  const { stdout } = await cli(['image', 'diff', first, second, '--json'], lab.environment);
  const difference = JSON.parse(stdout) as Difference;
  const { packages, npm, settings, configuration, files } = difference;
  expect([...packages, ...npm, ...settings]).toEqual([]);
  expect([...configuration, ...(files ?? [])].map(({ name }) => name)).toEqual(OF_THE_DAY);
  expect(await awsLeftovers(lab)).toEqual([]);
});
