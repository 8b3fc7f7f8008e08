import { readdir, readFile } from 'node:fs/promises';
import { packageDigests } from '#contracts/package-lists.ts';
import { aptInstall, aptUpdate, isUpdated, missingPackages } from '../lib/apt.ts';
import type { Concern, Context, Package, Put, Repository } from '../lib/context.ts';
import { beginDownloads, download } from '../lib/download.ts';
import { exists, modeOf, putFile, readText } from '../lib/files.ts';
import { requireKey } from '../lib/gpg.ts';
import { withoutServices } from '../lib/no-services.ts';
import { putsFile } from '../lib/puts.ts';

/** What fetches, and looks whether it got the right thing. A base image as a rule has them. */
const FETCHERS: readonly Package[] = ['ca-certificates', 'curl', 'gpg'].map((name) => ({ name }));

/** @returns whether anything changed */
export async function addRepository({
  keyFile,
  keyUrl,
  fingerprint,
  sourceList,
  source,
}: Repository): Promise<boolean> {
  if (!(await exists(keyFile))) {
    const fetched = '/run/ecs-host-provision/repository.asc';
    await download(keyUrl, fetched);
    await requireKey(fetched, fingerprint);
    await putFile(keyFile, (await readText(fetched)) ?? '');
  }
  return putFile(sourceList, source);
}

/** The same on the image: the key is fetched, so that its content is not known. */
export function putsRepository({ name, keyFile, fingerprint, sourceList, source }: Repository): readonly Put[] {
  const by = `the repository of ${name}`;
  return [
    { path: keyFile, kind: 'file', mode: modeOf(false), rule: 'openpgp-key', expected: fingerprint, by },
    putsFile(sourceList, source),
  ];
}

/** Everybody's steps here say whose they are. */
function contextOf({ name }: Concern, context: Context): Context {
  return { ...context, step: (step, options, work) => context.step(`${name}: ${step}`, options, work) };
}

async function apply(context: Context, concerns: readonly Concern[]): Promise<void> {
  const isDone = async (packages: readonly Package[]): Promise<boolean> =>
    (await missingPackages(packages)).length === 0;
  const install = (packages: readonly Package[]): Promise<void> =>
    // Packages start what they bring; here nothing is to be started that way.
    withoutServices(async () => aptInstall(await missingPackages(packages)));
  const wanted = async (): Promise<readonly Package[]> =>
    (await Promise.all(concerns.map(({ packages }) => packages?.(context) ?? []))).flat();
  const repositories = concerns.flatMap(({ repository }) => repository?.(context) ?? []);
  const large = (await Promise.all(concerns.map(({ downloads }) => downloads?.(context) ?? []))).flat();

  if (repositories.length + large.length > 0)
    await context.step('tools that fetch', { doneWhen: () => isDone(FETCHERS) }, () => install(FETCHERS));
  if (large.length > 0)
    await context.step('downloads begin', {}, async () => {
      await beginDownloads(large);
      return false;
    });
  for (const repository of repositories)
    await context.step(`apt repository of ${repository.name}`, {}, () => addRepository(repository));
  const needsNoLists = async (): Promise<boolean> =>
    !concerns.some(({ name }) => name === 'base') &&
    (await missingPackages(await wanted())).every(({ file }) => file !== undefined);
  await context.step(
    'package lists',
    { doneWhen: async () => (await isUpdated()) || (await needsNoLists()) },
    aptUpdate,
  );
  for (const concern of concerns) await concern.prepare?.(contextOf(concern, context));
  await context.step('install packages', { doneWhen: async () => isDone(await wanted()) }, async () =>
    install(await wanted()),
  );
  if (context.stage === 'bake') await context.step('lists of packages', {}, () => tellLists(context));
}

const DPKG = '/var/lib/dpkg';
/** In one event, which is one line of Packer's output. */
const AT_ONCE = 50;

/**
 * Tells the caller, who is elsewhere, what packages came with: whoever changes a file later, and what dpkg knows of it
 * as well, is found out by that.
 */
async function tellLists({ packages }: Context): Promise<boolean> {
  const names = await readdir(`${DPKG}/info`);
  const files = new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(`${DPKG}/info/${name}`)] as const)),
  );
  const digests = Object.entries(packageDigests(files, await readFile(`${DPKG}/status`, 'utf8')));
  for (let at = 0; at < digests.length; at += AT_ONCE) packages(Object.fromEntries(digests.slice(at, at + AT_ONCE)));
  return false;
}

/**
 * The concerns in their order, with one more that installs the packages of all of them at once: behind `base`, which
 * says how apt is to go about it.
 */
export function withPackages(concerns: readonly Concern[]): readonly Concern[] {
  if (!concerns.some(({ prepare, packages }) => prepare ?? packages)) return concerns;
  const packages: Concern = {
    name: 'packages',
    apply: (context) => apply(context, concerns),
    verify: async () => undefined,
  };
  const first = concerns.filter(({ name }) => name === 'base');
  return [...first, packages, ...concerns.filter(({ name }) => name !== 'base')];
}
