import { createHash } from 'node:crypto';
import type { BuildPlan } from './build-plan.ts';
import { canonicalJson, type Determinants } from './digest.ts';
import { UNKNOWN_LIST } from './versions/package-lists.ts';

/**
 * What determines an image, for people: short values and hashes under readable names. Two plans whose digests differ
 * differ in one of these, too, so that a record which keeps them can say why an image was baked.
 */
export type Inputs = Readonly<Record<string, string>>;

/** Enough of a hash to be told from another one of the same name. */
const SHOWN = 12;

function short(sha256: string): string {
  return /^[0-9a-f]{64}$/.test(sha256) ? sha256.slice(0, SHOWN) : sha256;
}

function hashOf(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex').slice(0, SHOWN);
}

/** A setting as text; what JSON tells apart stays apart. */
function textOf(value: unknown): string {
  if (value === null) return 'none';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  // A key, of which nobody reads more.
  if (String(value).includes('\n')) return hashOf(value);
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(textOf).join(', ');
  return short(String(value));
}

/** `{ docker: { version: '1' } }` as `docker.version`: `1`. */
function settings(value: object, path: readonly string[] = []): [string, string][] {
  return Object.entries(value).flatMap(([key, each]): [string, string][] => {
    const here = [...path, key];
    const isNested = typeof each === 'object' && each !== null && !Array.isArray(each);
    return isNested ? settings(each, here) : [[here.join('.'), textOf(each)]];
  });
}

/** Pure: the inputs of a plan, in the order of their names. */
export function inputsOf({
  baseImage,
  gpu,
  rootVolume,
  target,
  packageLists,
  bundles,
  node,
  toolchain,
  provisioning,
  provisioned,
}: Determinants): Inputs {
  const { version: _, ...ofTarget } = target;
  const entries: [string, string][] = [
    ['base image', `${baseImage.id} (${baseImage.name})`],
    ['gpu', textOf(gpu)],
    ['root volume', `${rootVolume.sizeGiB} GiB ${rootVolume.type}${rootVolume.encrypted ? ', encrypted' : ''}`],
    ['target version', String(target.version)],
    ['node', `${node.version} (${short(node.sha256)})`],
    ...settings({ toolchain }),
    ...settings(ofTarget),
    ...bundles.map(({ path, sha256 }): [string, string] => [`file ${path}`, short(sha256)]),
    ...provisioning.map((step): [string, string] => [`step ${step.name}`, hashOf(step)]),
    ['what provisioners leave', hashOf(provisioned)],
    ...Object.entries(packageLists).map(([suite, state]): [string, string] => [`package list ${suite}`, short(state)]),
  ];
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Null for what is not there on that side. */
export type Change = { readonly name: string; readonly before: string | null; readonly after: string | null };

/** Pure: what differs, in the order of the names. A list that nobody could ask for always does. */
export function changedInputs(before: Inputs, after: Inputs): Change[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names
    .map((name) => ({ name, before: before[name] ?? null, after: after[name] ?? null }))
    .filter((each) => each.before !== each.after || isUnknown(each));
}

function isUnknown({ name, after }: Change): boolean {
  return name.startsWith('package list ') && after === UNKNOWN_LIST;
}

/** Pure: whether all that determines the image is known, so that an equal digest means an equal image. */
export function isDetermined({ packageLists }: Pick<BuildPlan, 'packageLists'>): boolean {
  return !Object.values(packageLists).includes(UNKNOWN_LIST);
}
