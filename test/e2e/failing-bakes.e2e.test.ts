import { afterAll, beforeAll, expect, test } from 'vitest';
import { awsLeftovers, type LabHandle, startLabForTests } from './lab-handle.ts';
import { cli, events, keptInstance, start } from './support.ts';

/** What goes wrong on the way to an image. Each test ends by looking at what is left. */
let lab: LabHandle;

beforeAll(async () => {
  lab = await startLabForTests();
});
afterAll(async () => {
  await lab?.down();
});

const IN_US_EAST_1 = ['--region', 'us-east-1', '--profile', 'cpu-bookworm'];
const IN_US_EAST_2 = ['--region', 'us-east-2', '--profile', 'cpu-bookworm'];

function withWrongDocker(): Promise<string> {
  return lab.configWith((text) =>
    text.replace('source: distribution\n', 'source: distribution\n      version: 0.0.0-not-there\n'),
  );
}

// Side by side, each in a region of its own: what is left is looked for in all of a region.
test.concurrent('a provisioner that fails names its step, exits 3 and leaves nothing', async ({ expect }) => {
  const run = await cli(['bake', '--config', await withWrongDocker(), '--plain'], lab.environment);
  expect(run.exitCode, run.all).toBe(3);
  expect(run.stderr).toContain('docker');
  expect(run.stderr).toContain('0.0.0-not-there');
  expect(run.stderr).not.toMatch(/\n\s+at .*\.ts:/);
  expect(await awsLeftovers(lab)).toEqual([]);
});

test.concurrent('Ctrl-C in the middle of a bake exits 130 and leaves nothing', async ({ expect }) => {
  const run = start(['bake', '--force', '--plain', ...IN_US_EAST_1], lab.environment);
  await lab.waitForText(run, /docker/);
  run.kill('SIGINT');
  const ended = await run;
  expect(ended.exitCode, ended.all).toBe(130);
  expect(await awsLeftovers(lab, 'us-east-1')).toEqual([]);
});

test.concurrent('a packer that is killed is an outside failure, and its resources go at once', async ({ expect }) => {
  const run = start(['bake', '--force', '--plain', ...IN_US_EAST_2], lab.environment);
  await lab.waitForText(run, /docker/);
  await lab.killDescendants(run.pid, /packer$/);
  const ended = await run;
  expect(ended.exitCode, ended.all).toBe(3);
  expect(await awsLeftovers(lab, 'us-east-2')).toEqual([]);
});

test('a bake that fails leaves its instance when asked to; a shell reaches it, only a person sweeps it', async () => {
  const config = await withWrongDocker();
  const run = await cli(['bake', '--config', config, '--keep-on-failure', '--json'], lab.environment);
  expect(run.exitCode, run.all).toBe(3);
  expect(await keptInstance(events(run))).not.toBe('');
  const next = await cli(['bake', '--config', config, '--plain'], lab.environment);
  expect(next.exitCode, next.all).toBe(3);
  expect((await awsLeftovers(lab)).length).toBeGreaterThan(0);
  const swept = await cli(['sweep', '--json'], lab.environment);
  expect(swept.exitCode, swept.all).toBe(0);
  expect(await awsLeftovers(lab)).toEqual([]);
});

test('a command line that is killed leaves what the next sweep removes', async () => {
  const run = start(['bake', '--force', '--plain'], lab.environment);
  await lab.waitForText(run, /docker/);
  await lab.killTree(run.pid);
  await run;
  expect((await awsLeftovers(lab)).length).toBeGreaterThan(0);
  const swept = await cli(['sweep', '--json'], lab.environment);
  expect(swept.exitCode, swept.all).toBe(0);
  expect(await awsLeftovers(lab)).toEqual([]);
});
