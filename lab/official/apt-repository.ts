import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { gzipSync } from 'node:zlib';
import { execa } from 'execa';
import { run } from '../exec.ts';
import { type SignedText, type SigningKey, signRelease } from './archive-key.ts';
import type { PartFolder } from './part-folders.ts';

/** A file that a release lists, by its path below the release. */
export type IndexFile = { readonly path: string; readonly bytes: Uint8Array };

/** The same of a file that somebody else has. */
export type ListedFile = { readonly path: string; readonly sha256: string; readonly size: number };

async function hashesOf(file: string): Promise<{ readonly md5: string; readonly sha256: string }> {
  const [md5, sha256] = [createHash('md5'), createHash('sha256')];
  await pipeline(createReadStream(file), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      md5.update(chunk);
      sha256.update(chunk);
    }
  });
  return { md5: md5.digest('hex'), sha256: sha256.digest('hex') };
}

/** A package's paragraph of an index: its control file, where it is, and what it has to be. */
async function paragraphOf(file: string, filename: string): Promise<string> {
  const control = (await run('dpkg-deb', ['--field', file])).trim();
  const { md5, sha256 } = await hashesOf(file);
  const { size } = await stat(file);
  return `${control}\nFilename: ${filename}\nSize: ${size}\nMD5sum: ${md5}\nSHA256: ${sha256}\n`;
}

/**
 * `Packages` over the debs of a part, in the order of their names.
 *
 * @param filenameOf the path below the repository at which a deb is offered
 */
export async function packagesOf(part: PartFolder, filenameOf: (name: string) => string): Promise<string> {
  const debs = part.files.map(({ name }) => name).filter((name) => name.endsWith('.deb'));
  const paragraphs: string[] = [];
  // One after the other: the hashes of two large files at once are no faster on a disk.
  for (const name of debs.toSorted()) paragraphs.push(await paragraphOf(join(part.folder, name), filenameOf(name)));
  return paragraphs.join('\n');
}

/** An index in the forms that repositories have: as it is, and packed. */
export async function indexFiles(path: string, index: string, packed: 'gz' | 'xz'): Promise<IndexFile[]> {
  const bytes = Buffer.from(index);
  const { stdout } =
    packed === 'gz'
      ? { stdout: gzipSync(bytes) }
      : await execa('xz', ['--stdout'], { input: bytes, encoding: 'buffer' });
  return [
    { path, bytes },
    { path: `${path}.${packed}`, bytes: stdout },
  ];
}

export function listed({ path, bytes }: IndexFile): ListedFile {
  return { path, sha256: createHash('sha256').update(bytes).digest('hex'), size: bytes.length };
}

/** `Release`: fields in their order, and the files with their SHA-256. */
export function renderRelease(fields: Readonly<Record<string, string>>, files: readonly ListedFile[]): string {
  const head = Object.entries(fields).map(([key, value]) => `${key}: ${value}\n`);
  const lines = files.map(({ path, sha256, size }) => ` ${sha256} ${String(size).padStart(16)} ${path}\n`);
  return `${head.join('')}SHA256:\n${lines.join('')}`;
}

/** A repository as it is signed: its releases' texts and its indexes, by their path below the release's folder. */
export type Repository = { readonly signed: SignedText; readonly indexes: readonly IndexFile[] };

/**
 * A repository of one component and one architecture over the debs of a part.
 *
 * @param indexPath of `Packages`, below the release's folder
 */
export async function makeRepository(options: {
  readonly part: PartFolder;
  readonly key: SigningKey;
  readonly fields: Readonly<Record<string, string>>;
  readonly indexPath: string;
  readonly filenameOf: (name: string) => string;
}): Promise<Repository> {
  const { part, key, fields, indexPath, filenameOf } = options;
  const indexes = await indexFiles(indexPath, await packagesOf(part, filenameOf), 'gz');
  const release = renderRelease({ ...fields, Date: new Date().toUTCString() }, indexes.map(listed));
  return { signed: await signRelease(key, release), indexes };
}

/** The files of a release by their names; null of any other path. */
export function releaseFile({ inRelease, release, signature }: SignedText, path: string): string | null {
  const files: Readonly<Record<string, string>> = {
    InRelease: inRelease,
    Release: release,
    'Release.gpg': signature,
  };
  return Object.hasOwn(files, path) ? (files[path] ?? null) : null;
}
