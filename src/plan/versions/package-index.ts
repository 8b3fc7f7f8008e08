import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
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

/** What an index said when it was last read, so that an index which is still the same is not fetched again. */
type Kept = { readonly etag: string | null; readonly lastModified: string | null; readonly versions: Newest };

async function readKept(file: string): Promise<Kept | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Kept;
  } catch {
    return null;
  }
}

function conditions(kept: Kept | null): Record<string, string> {
  return {
    ...(kept?.etag ? { 'if-none-match': kept.etag } : {}),
    ...(kept?.lastModified ? { 'if-modified-since': kept.lastModified } : {}),
  };
}

/** Node does not know xz, and it is the one form that every suite of Debian has. */
async function unpacked(url: string, bytes: Uint8Array): Promise<string> {
  if (!url.endsWith('.xz')) return Buffer.from(bytes).toString('utf8');
  return (await execa('xz', ['--decompress', '--stdout'], { input: bytes })).stdout;
}

/**
 * The newest versions of packages in the index at this address.
 *
 * @throws EcsHostError (outside) `VERSION_UNKNOWN`
 */
export async function newestAt(url: string, names: readonly string[]): Promise<Newest> {
  const what = names.join(' and ');
  const id = createHash('sha256')
    .update([url, ...names].join('\n'))
    .digest('hex')
    .slice(0, 16);
  const file = join(cacheFolder(), 'versions', `${id}.json`);
  const kept = await readKept(file);
  const answer = await askSource(what, url, { headers: conditions(kept) });
  if (answer.status === 304 && kept !== null) return kept.versions;
  if (!answer.ok) throw versionUnknown(what, `${url} says HTTP ${answer.status}`);
  try {
    const index = await unpacked(url, new Uint8Array(await answer.arrayBuffer()));
    const versions = Object.fromEntries(names.map((name) => [name, newestInIndex(index, name)]));
    const { headers } = answer;
    const now: Kept = { etag: headers.get('etag'), lastModified: headers.get('last-modified'), versions };
    await writeWhole(file, JSON.stringify(now));
    return versions;
  } catch (error) {
    throw versionUnknown(what, `${url} cannot be read (${reasonOf(error)})`, error);
  }
}
