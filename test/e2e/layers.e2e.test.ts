import { chmod, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ImageRecord } from '../../src/image/image-record.ts';
import { failedChecks } from '../support/failed-checks.ts';
import { awsLeftovers, type LabHandle, startLabForTests } from './lab-handle.ts';
import { cli, events } from './support.ts';

/** Bakes in layers: the first makes both, the next begins with the slow one, and what comes of it boots as a host. */
let lab: LabHandle;
let config: string;

beforeAll(async () => {
  lab = await startLabForTests();
  config = await lab.configWith((text) =>
    text.replace(
      /^ {2}cpu-bookworm:\n/m,
      '  cpu-bookworm:\n    layers: true\n    hostService: { program: own-service }\n',
    ),
  );
  await serviceSaying('one');
});
afterAll(async () => {
  await lab?.down();
});

/** A host service of the user's own: the project's, with one more word in its file. */
async function serviceSaying(word: string): Promise<void> {
  const program = join(dirname(config), 'own-service');
  const run = 'exec /opt/ecs-host/bin/node --use-system-ca /opt/ecs-host/bin/ecs-hostd.mjs';
  await writeFile(program, `#!/bin/sh\n# ${word}\n${run}\n`);
  await chmod(program, 0o755);
}

type Baked = { readonly record: ImageRecord; readonly titles: readonly string[] };

async function bake(): Promise<Baked> {
  const run = await cli(['bake', '--config', config, '--json'], lab.environment);
  expect(run.exitCode, run.all).toBe(0);
  const said = events(run);
  const record = JSON.parse(await readFile(String(said.at(-1)?.['record']), 'utf8')) as ImageRecord;
  expect(failedChecks(record.bakeChecks)).toEqual([]);
  expect(await awsLeftovers(lab)).toEqual([]);
  return { record, titles: said.flatMap(({ type, title }) => (type === 'span-start' ? [String(title)] : [])) };
}

test('the slow layer is baked once; a change of the host service bakes the fast one upon it, which boots', async () => {
  const first = await bake();
  expect(first.titles).toContain('bake the slow layer');
  await serviceSaying('two');
  const second = await bake();
  expect(second.titles).not.toContain('bake the slow layer');
  expect(second.titles).not.toContain('provision: docker');
  expect(second.record.layers?.slow).toEqual(first.record.layers?.slow);
  expect(second.record.layers?.fast).not.toEqual(first.record.layers?.fast);
  expect(second.record.planDigest).not.toBe(first.record.planDigest);
  expect(second.record.sourceImageId).toBe(first.record.sourceImageId);
  expect(second.record.bakeChecks.map(({ id }) => id).toSorted()).toEqual(
    first.record.bakeChecks.map(({ id }) => id).toSorted(),
  );
  expect(second.record.versions['docker']).toBe(first.record.versions['docker']);

  const layerId = second.record.layers?.slow.imageId ?? '';
  const listed = await cli(['image', 'list', '--json'], lab.environment);
  const images = JSON.parse(listed.stdout) as { imageId: string; verdict: string }[];
  expect(images.filter(({ verdict }) => verdict === 'layer').map(({ imageId }) => imageId)).toEqual([layerId]);
  const refused = await cli(['smoke', layerId, '--config', config], lab.environment);
  expect({ exitCode: refused.exitCode, said: refused.stderr }).toMatchObject({
    exitCode: 2,
    said: expect.stringContaining('is a layer'),
  });

  const only = ['--only', 'gate,verify'];
  const booted = await cli(['smoke', second.record.imageId, '--config', config, ...only, '--json'], lab.environment);
  const checks = events(booted).flatMap(({ type, check }) => (type === 'check' ? [check as { verdict: string }] : []));
  expect(checks.length).toBeGreaterThan(20);
  expect(failedChecks(checks as never), booted.all).toEqual([]);

  const deleted = await cli(['image', 'delete', layerId, '--yes'], lab.environment);
  expect(deleted.exitCode, deleted.all).toBe(0);
  expect(await awsLeftovers(lab)).toEqual([]);
});
