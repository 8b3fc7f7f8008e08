import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { reasonOf } from '#contracts/reason.ts';
import { cacheFolder } from '../../io/paths.ts';
import { writeWhole } from '../../io/write-whole.ts';
import { askSource, versionUnknown } from './ask.ts';
import { newest } from './debian-version.ts';

/** The newest version of a package in an index (`Packages`) of an apt repository, or null. */
export function newestInIndex(index: string, name: string): string | null {
  const start = `Package: ${name}\n`;
  const versions: string[] = [];
  for (let at = index.indexOf(start); at !== -1; at = index.indexOf(start, at + 1)) {
    // In a field of another name (`X-Package: `), or in the middle of a description.
    if (at > 0 && index[at - 1] !== '\n') continue;
    const end = index.indexOf('\n\n', at);
    const version = /^Version: (\S+)$/m.exec(index.slice(at, end === -1 ? undefined : end))?.[1];
    if (version !== undefined) versions.push(version);
  }
  return newest(versions);
}

/** The newest versions by name; null of what an index does not have. */
export type Newest = Readonly<Record<string, string | null>>;

/** An index of an apt repository: the release that lists it, and its path below that. */
export type Index = { readonly release: string; readonly path: string };

/** What the index said, kept under the hash of its content, so that one which is still the same is not read again. */
type Kept = { readonly sha256: string; readonly versions: Newest };

async function readKept(file: string): Promise<Kept | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Kept;
  } catch {
    return null;
  }
}

/** What a release says of one of its files; null when it does not list it. */
export function listed(release: string, path: string): { readonly sha256: string; readonly byHash: boolean } | null {
  const hashes = release.slice(release.indexOf('\nSHA256:'));
  const line = hashes.split('\n').find((each) => each.endsWith(` ${path}`));
  const sha256 = /^ ([0-9a-f]{64}) /.exec(line ?? '')?.[1];
  return sha256 === undefined ? null : { sha256, byHash: /^Acquire-By-Hash: yes$/m.test(release) };
}

async function fetched(what: string, url: string): Promise<Uint8Array> {
  const answer = await askSource(what, url);
  if (!answer.ok) throw versionUnknown(what, `${url} says HTTP ${answer.status}`);
  try {
    return new Uint8Array(await answer.arrayBuffer());
  } catch (error) {
    throw versionUnknown(what, `${url} broke off (${reasonOf(error)})`, error);
  }
}

/** Node does not know xz, and it is the one form that every suite of Debian has. */
async function unpacked(path: string, bytes: Uint8Array): Promise<string> {
  if (!path.endsWith('.xz')) return Buffer.from(bytes).toString('utf8');
  return (await execa('xz', ['--decompress', '--stdout'], { input: bytes })).stdout;
}

/**
 * The newest versions of packages in an index, which has to have the hash that its release lists.
 *
 * @throws EcsHostError (outside) `VERSION_UNKNOWN`
 */
export async function newestIn({ release, path }: Index, names: readonly string[]): Promise<Newest> {
  const what = names.join(' and ');
  const url = `${release}/InRelease`;
  const found = listed(Buffer.from(await fetched(what, url)).toString('utf8'), path);
  if (found === null) throw versionUnknown(what, `${url} does not list ${path}`);
  const { sha256, byHash } = found;
  const id = createHash('sha256')
    .update([release, path, ...names].join('\n'))
    .digest('hex')
    .slice(0, 16);
  const file = join(cacheFolder(), 'versions', `${id}.json`);
  const kept = await readKept(file);
  if (kept?.sha256 === sha256) return kept.versions;
  const from = byHash ? `${release}/${dirname(path)}/by-hash/SHA256/${sha256}` : `${release}/${path}`;
  const bytes = await fetched(what, from);
  if (createHash('sha256').update(bytes).digest('hex') !== sha256)
    throw versionUnknown(what, `${from} is not what ${url} lists`);
  try {
    const index = await unpacked(path, bytes);
    const versions = Object.fromEntries(names.map((name) => [name, newestInIndex(index, name)]));
    await writeWhole(file, JSON.stringify({ sha256, versions } satisfies Kept));
    return versions;
  } catch (error) {
    throw versionUnknown(what, `${from} cannot be read (${reasonOf(error)})`, error);
  }
}
