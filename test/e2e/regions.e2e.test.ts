import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { awsLeftovers, type LabHandle, startLabForTests } from './lab-handle.ts';
import { cli, resultOf } from './support.ts';

/** Regions of AWS, as hosts.yaml has them, with the endpoint at a lab. */
let lab: LabHandle;

beforeAll(async () => {
  lab = await startLabForTests();
});
afterAll(async () => {
  await lab?.down();
});

test.concurrent.for([
  ['us-east-2', 'fractal-containerized-protocol-group'],
  ['us-east-1', 'container-testing'],
] as const)('runs the whole way for %s with the endpoint at the lab, in %s', async ([region, group], { expect }) => {
  const named = ['--region', region, '--profile', 'cpu-bookworm'];
  const out = join(lab.stateFolder, `plan-${region}`);
  const planned = await cli(['plan', ...named, '--out', out], lab.environment);
  expect(planned.exitCode, planned.all).toBe(0);
  const file = join(out, 'plan.json');
  // One by the plan alone, one by hosts.yaml.
  const by = region === 'us-east-2' ? ['--plan', file] : named;
  const run = await cli(['ami', ...by, '--json'], lab.environment);
  expect(run.exitCode, run.all).toBe(0);
  const result = resultOf(run);
  expect(result['verdict']).toBe('passed');
  const record = JSON.parse(await readFile(String(result['record']), 'utf8')) as {
    runId: string;
    apiRegion: string;
    planDigest: string;
  };
  expect(record.apiRegion).toBe(region);
  expect(record.planDigest).toBe((JSON.parse(await readFile(file, 'utf8')) as { digest: string }).digest);
  const plan = await readFile(join(lab.stateFolder, 'runs', record.runId, 'render', 'plan.json'), 'utf8');
  expect(plan).toContain(group);
  expect(await awsLeftovers(lab, region)).toEqual([]);
});
