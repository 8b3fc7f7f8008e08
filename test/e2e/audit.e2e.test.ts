import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Difference } from '../../src/inventory/difference.ts';
import { ALTERATIONS, DELETED_SECRET, HARMLESS } from './alterations.ts';
import { awsLeftovers, type LabHandle, startLabForTests } from './lab-handle.ts';
import { failedIds, sabotagedImage } from './sabotaged-image.ts';
import { cli, events } from './support.ts';

/** What is on an image, explained thing by thing: good ones, altered ones, and two of one plan. */
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

/** What goes with an alteration: copies of databases, a home, folders. */
const ALONG_WITH = [
  /^\/etc\/(passwd|shadow|group|gshadow|subuid|subgid)-?$/,
  /^\/home\/second(\/|$)/,
  /^\/var\/mail\/second$/,
  /^\/var\/lib\/dpkg\/info\/git\./,
];
/** A place, and behind it rule and offset. */
const IS_SECRET = /, \S+ at \d+$/;
const SECRETS = ['/home/admin/.aws/credentials', '/etc/ssl/private/server.key', '/etc/ssh/ssh_host_ed25519_key'];

describe('an image that was altered', () => {
  test.concurrent('is refused, and each alteration is named by its path', async ({ expect }) => {
    const after = [...ALTERATIONS.map(({ line }) => line), DELETED_SECRET].join('\n');
    const imageId = await sabotagedImage(lab, { name: 'altered', before: '', after, imageId: first });
    // As if the bake had made it: what it told while it was under way is here.
    const told = (id: string): string => join(lab.stateFolder, 'images', `${id}.packages.json`);
    await copyFile(told(first), told(imageId));
    const { run, failed } = await audited(imageId);
    expect(run.exitCode, run.all).toBe(4);
    const named = failed.filter((id) => id.startsWith('audit ')).map((id) => id.slice('audit '.length));
    const paths = named.filter((each) => each.startsWith('/') && !IS_SECRET.test(each));
    expect(
      ALTERATIONS.filter((one) => !one.paths.every((path) => paths.includes(path))),
      run.all,
    ).toEqual([]);
    const wanted = ALTERATIONS.flatMap((one) => one.paths);
    const folders = new Set(wanted.flatMap((path) => path.split('/').map((_, at, all) => all.slice(0, at).join('/'))));
    const others = paths.filter((path) => !wanted.includes(path) && !folders.has(path));
    expect(others.filter((path) => !ALONG_WITH.some((each) => each.test(path)))).toEqual([]);
    const secrets = named.filter((each) => IS_SECRET.test(each)).map((each) => each.replace(IS_SECRET, ''));
    expect(secrets, run.all).toEqual(expect.arrayContaining(SECRETS));
    expect(
      secrets.filter((place) => place.startsWith('free space at ')),
      run.all,
    ).not.toEqual([]);
    expect(run.all).not.toMatch(/AKIAQYLPMN5HHHFPZAM[23]/);
  });

  test.concurrent('by nobody’s fault passes', async ({ expect }) => {
    const after = '';
    const before = HARMLESS.join('\n');
    const imageId = await sabotagedImage(lab, { name: 'harmless', before, after, imageId: first });
    const { run, failed } = await audited(imageId);
    expect(failed, run.all).toEqual([]);
    expect(run.exitCode, run.all).toBe(0);
  });
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
