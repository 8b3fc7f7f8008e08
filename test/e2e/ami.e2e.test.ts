import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failedChecks } from '../support/failed-checks.ts';
import { awsLeftovers, type LabHandle, startLabForTests } from './lab-handle.ts';
import { describeSabotage, keptInstance } from './sabotage.tests.ts';
import { cli, events, start } from './support.ts';

/**
 * The main job as a user runs it, against a lab of this file's own: `ami` in all three regions, then everything that
 * can go wrong on the way. Each test ends by looking at what is left.
 */
let lab: LabHandle;

beforeAll(async () => {
  lab = await startLabForTests();
});
afterAll(async () => {
  await lab?.down();
});

/** What the lab's API was asked, from the start. */
async function calls(): Promise<{ readonly action: string }[]> {
  const text = await readFile(join(lab.stateFolder, 'lab', 'calls.ndjson'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { action: string });
}

/** The last line of a `--json` run. */
function resultOf(output: Record<string, unknown>[]): Record<string, unknown> {
  const last = output.at(-1);
  if (last?.['type'] !== 'result') throw new Error(`no result line; the last one is ${JSON.stringify(last)}`);
  return last;
}

/** What explains the image is beside its record, and tells when somebody changes that. */
async function expectExplained(imageId: string, recordFile: string): Promise<void> {
  const beside = (end: string): string => recordFile.replace(/json$/, end);
  const inventory = JSON.parse(await readFile(beside('inventory.json'), 'utf8')) as Record<string, unknown[]>;
  expect(inventory['packages']).toContainEqual(expect.objectContaining({ name: 'docker.io', source: 'docker.io' }));
  expect(inventory['npm']).toContainEqual(expect.objectContaining({ name: 'zx' }));
  const paths = (inventory['files'] as { path: string }[]).map(({ path }) => path);
  expect(paths).toContain('/etc/docker/daemon.json');
  expect(paths.filter((path) => /machine-id|ssh_host|shadow|ecs\.config/.test(path))).toEqual([]);
  const sbom = await cli(['image', 'sbom', imageId], lab.environment);
  expect(sbom.stdout.trim()).toBe((await readFile(beside('cdx.json'), 'utf8')).trim());
  const envelope = JSON.parse(await readFile(beside('provenance.json'), 'utf8')) as { signatures: unknown[] };
  expect(envelope.signatures).toEqual([]);

  const verified = await cli(['image', 'verify', imageId], lab.environment);
  expect(verified.exitCode, verified.all).toBe(0);
  const whole = await readFile(recordFile, 'utf8');
  await writeFile(recordFile, whole.replace(/"planDigest": "[0-9a-f]{64}"/, `"planDigest": "${'0'.repeat(64)}"`));
  const tampered = await cli(['image', 'verify', imageId], lab.environment);
  await writeFile(recordFile, whole);
  expect(tampered.exitCode, tampered.all).toBe(4);
  expect(tampered.stdout).toContain('FAIL  image.tags');
  expect(tampered.stdout).toContain('FAIL  provenance.subject');
}

describe('ami', () => {
  test('bakes and proves an image in region local', async () => {
    const run = await cli(['ami', '--json'], lab.environment);
    expect(run.exitCode, run.all).toBe(0);
    const result = resultOf(events(run));
    expect(result['verdict']).toBe('passed');
    const record = JSON.parse(await readFile(String(result['record']), 'utf8')) as {
      imageId: string;
      smoke: { checks: { id: string; verdict: string }[]; instanceIds: string[] };
      bakeChecks: { verdict: string }[];
      versions: Record<string, string>;
      substitutions: unknown[];
    };
    expect(record.imageId).toBe(result['imageId']);
    expect(record.smoke.instanceIds).toHaveLength(2);
    expect(failedChecks(record.smoke.checks)).toEqual([]);
    const ofTasks = record.smoke.checks.filter(({ id, verdict }) => id.startsWith('tasks.') && verdict === 'correct');
    expect(ofTasks.map(({ id }) => id)).toEqual([
      'tasks.denied-waits',
      'tasks.started',
      'tasks.on-record',
      'tasks.ended',
    ]);
    expect(record.bakeChecks.length).toBeGreaterThan(20);
    expect(record.substitutions.length).toBeGreaterThan(0);
    expect(Object.keys(record.versions)).toEqual(expect.arrayContaining(['docker', 'ecs-agent', 'node']));
    lab.goodImageId = record.imageId;
    await expectExplained(record.imageId, String(result['record']));

    const listed = await cli(['image', 'list', '--json'], lab.environment);
    expect(listed.exitCode).toBe(0);
    expect(listed.stdout).toContain(record.imageId);
    expect(await awsLeftovers(lab)).toEqual([]);
  });

  test('again where nothing has changed: the same image, and nothing is started', async () => {
    const before = (await calls()).length;
    const [again, bake, planned] = await Promise.all([
      cli(['ami', '--json'], lab.environment),
      cli(['bake', '--plain'], lab.environment),
      cli(['plan', '--since', '--json', '--out', await lab.newFolder()], lab.environment),
    ]);
    expect(again.exitCode, again.all).toBe(0);
    expect(resultOf(events(again))).toMatchObject({
      imageId: lab.goodImageId,
      baked: false,
      since: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      verdict: 'passed',
      checks: { correct: expect.any(Number) },
      record: expect.stringContaining(`${lab.goodImageId}.json`),
    });
    expect(bake.exitCode, bake.all).toBe(0);
    expect(bake.stdout).toContain(`image     ${lab.goodImageId}\nbaked     nothing:`);
    expect(JSON.parse(planned.stdout)).toMatchObject({
      image: { imageId: lab.goodImageId, verdict: 'passed' },
      since: { imageId: lab.goodImageId, isSame: true, changed: [] },
    });
    const made = (await calls()).slice(before).map(({ action }) => action);
    expect(made).toContain('DescribeImages');
    expect(made.filter((action) => !/^(Describe|Get|List)/.test(action))).toEqual([]);
  });

  // Side by side: also a proof that two runs do not get into each other's way.
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
    const result = resultOf(events(run));
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
});

describeSabotage(() => lab);

const IN_US_EAST_1 = ['--region', 'us-east-1', '--profile', 'cpu-bookworm'];
const IN_US_EAST_2 = ['--region', 'us-east-2', '--profile', 'cpu-bookworm'];

describe('what goes wrong on the way', () => {
  test('without credentials an AWS region is refused in one sentence', async () => {
    const run = await cli(['ami', '--region', 'us-east-2']);
    expect(run.exitCode).toBe(2);
    expect(run.stderr).toContain('No AWS credentials were found');
    expect(run.stderr).toContain('make ami');
    expect(run.stderr).not.toMatch(/\n\s+at /);
  });

  // Side by side, each in a region of its own: what is left is looked for in all of a region.
  const withWrongDocker = (): Promise<string> =>
    lab.configWith((text) =>
      text.replace('source: distribution\n', 'source: distribution\n      version: 0.0.0-not-there\n'),
    );

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
});
