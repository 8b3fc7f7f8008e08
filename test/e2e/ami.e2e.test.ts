import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ImageRecord } from '../../src/image/image-record.ts';
import { describeAltered } from './altered-image.tests.ts';
import { type LabHandle, startLabForTests } from './lab-handle.ts';
import { describeOwnKernel } from './own-kernel.tests.ts';
import { correctIds, FRESH_MS, proveImage } from './proved-image.ts';
import { cli, resultOf } from './support.ts';

/**
 * The main job as a user runs it: what is baked passes, what is then done to it does not, and it boots on a kernel of
 * its own. Later tests begin with the image of the first.
 */
let lab: LabHandle;
let image: ImageRecord;

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
  test(
    'bakes and proves an image in region local',
    async () => {
      image = await proveImage(lab, 'cpu-bookworm');
      const ofTasks = ['tasks.denied-waits', 'tasks.started', 'tasks.on-record', 'tasks.ended'];
      expect(correctIds(image).filter((id) => id.startsWith('tasks.'))).toEqual(ofTasks);
      expect(image.substitutions.length).toBeGreaterThan(0);
      await expectExplained(image.imageId, join(lab.stateFolder, 'images', `${image.imageId}.json`));
    },
    FRESH_MS,
  );

  test('again where nothing has changed: the same image, and nothing is started', async () => {
    const { imageId } = image;
    const before = (await calls()).length;
    const [again, bake, planned] = await Promise.all([
      cli(['ami', '--json'], lab.environment),
      cli(['bake', '--plain'], lab.environment),
      cli(['plan', '--since', '--json', '--out', await lab.newFolder()], lab.environment),
    ]);
    expect(again.exitCode, again.all).toBe(0);
    expect(resultOf(again)).toMatchObject({
      imageId,
      baked: false,
      since: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      verdict: 'passed',
      checks: { correct: expect.any(Number) },
      record: expect.stringContaining(`${imageId}.json`),
    });
    expect(bake.exitCode, bake.all).toBe(0);
    expect(bake.stdout).toContain(`image     ${imageId}\nbaked     nothing:`);
    expect(JSON.parse(planned.stdout)).toMatchObject({
      image: { imageId, verdict: 'passed' },
      since: { imageId, isSame: true, changed: [] },
    });
    const made = (await calls()).slice(before).map(({ action }) => action);
    expect(made).toContain('DescribeImages');
    expect(made.filter((action) => !/^(Describe|Get|List)/.test(action))).toEqual([]);
  });

  test('without credentials an AWS region is refused in one sentence', async () => {
    const run = await cli(['ami', '--region', 'us-east-2']);
    expect(run.exitCode).toBe(2);
    expect(run.stderr).toContain('No AWS credentials were found');
    expect(run.stderr).toContain('make ami');
    expect(run.stderr).not.toMatch(/\n\s+at /);
  });
});

describeAltered(() => ({ lab, imageId: image.imageId }));

describeOwnKernel(() => ({ lab, image }));
