import type { ImageRecord } from '../image/image-record.ts';
import { userError } from '../io/errors.ts';
import type { ListedFile } from './file-list.ts';
import type { Inventory } from './inventory.ts';

/** An image with what is on it. */
export type Explained = {
  readonly record: ImageRecord;
  readonly inventory: Inventory;
  /** What is on its disk; null when no audit has read that. */
  readonly files: ReadonlyMap<string, ListedFile> | null;
};

/** What one of two images has, or both have otherwise; null for what the other has not. */
export type Change = { readonly name: string; readonly before: string | null; readonly after: string | null };

export type Difference = {
  readonly before: string;
  readonly after: string;
  /** Components by the names that the record has. */
  readonly versions: readonly Change[];
  readonly packages: readonly Change[];
  readonly npm: readonly Change[];
  /** What the provisioners were told (target.json). */
  readonly settings: readonly Change[];
  /** Files and links below /etc. */
  readonly configuration: readonly Change[];
  /**
   * What else is on the disk otherwise, but for the files of packages, which packages say; with who explains it. Null
   * when one of both disks has not been read.
   */
  readonly files: readonly (Change & { readonly by: string })[] | null;
};

/** Pure: in the order of the names; what is the same on both sides is left out. */
function changes(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): Change[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .sort()
    .map((name) => ({ name, before: before.get(name) ?? null, after: after.get(name) ?? null }))
    .filter((change) => change.before !== change.after);
}

/** Several versions of one package (kernels are packages of their own, but npm has such) stand as one text. */
function byName(items: readonly (readonly [name: string, value: string])[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of items) {
    const other = found.get(name);
    found.set(name, other === undefined ? value : `${other}, ${value}`);
  }
  return found;
}

/** One architecture is the rule and is not said. */
function packages({ packages: all }: Inventory): Map<string, string> {
  const isForeign = (architecture: string): boolean => architecture !== 'all' && architecture !== 'amd64';
  return byName(
    all.map(({ name, version, architecture }) => [isForeign(architecture) ? `${name}:${architecture}` : name, version]),
  );
}

function configuration({ files, links }: Inventory): Map<string, string> {
  return byName([
    ...files.map(({ path, mode, sha256 }) => [path, `${mode} ${sha256}`] as const),
    ...links.map(({ path, to }) => [path, `-> ${to}`] as const),
  ]);
}

function fileChanges({ files: a }: Explained, { files: b }: Explained): Difference['files'] {
  if (a === null || b === null) return null;
  const others = (files: ReadonlyMap<string, ListedFile>): ReadonlyMap<string, string> =>
    new Map(
      [...files.values()]
        .filter(({ path, by }) => by !== 'package' && !path.startsWith('/etc/'))
        .map(({ path, what }) => [path, what]),
    );
  return changes(others(a), others(b)).map((change) => ({
    ...change,
    by: (b.get(change.name) ?? a.get(change.name))?.by ?? 'nobody',
  }));
}

/** Pure: what the second image has otherwise than the first. */
export function differenceOf(first: Explained, second: Explained): Difference {
  const objects = (a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): Change[] =>
    changes(new Map(Object.entries(a)), new Map(Object.entries(b)));
  const npm = (inventory: Inventory) => byName(inventory.npm.map(({ name, version }) => [name, version]));
  return {
    before: first.record.imageId,
    after: second.record.imageId,
    versions: objects(first.record.versions, second.record.versions),
    packages: changes(packages(first.inventory), packages(second.inventory)),
    npm: changes(npm(first.inventory), npm(second.inventory)),
    settings: objects(first.inventory.settings, second.inventory.settings),
    configuration: changes(configuration(first.inventory), configuration(second.inventory)),
    files: fileChanges(first, second),
  };
}

/**
 * The image that another is compared with when nobody names one: the last of its profile and region that was baked
 * before it and passed.
 *
 * @param records newest first
 * @throws EcsHostError (user) `IMAGE_BEFORE_MISSING`
 */
export function imageBefore(record: ImageRecord, records: readonly ImageRecord[]): ImageRecord {
  const before = records.find(
    (each) =>
      each.profile === record.profile &&
      each.apiRegion === record.apiRegion &&
      (each.endpointUrl === null) === (record.endpointUrl === null) &&
      each.createdAt < record.createdAt &&
      each.smoke?.verdict === 'passed',
  );
  if (before !== undefined) return before;
  throw userError(
    'IMAGE_BEFORE_MISSING',
    `No image of ${record.profile} in ${record.region} that passed is older than ${record.imageId}.`,
    'name the one to compare with',
  );
}
