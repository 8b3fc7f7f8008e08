import { readFile } from 'node:fs/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { besidePath } from '../image/beside.ts';
import { writeWhole } from '../io/write-whole.ts';

/** Of an image's disk, as an audit read it from outside. */
export type ListedFile = {
  readonly path: string;
  /** `0644 0:0 <sha256>` of a file, `-> target` of a link, else its kind with mode and owner. */
  readonly what: string;
  /** Who explains it. */
  readonly by: string;
};

/** images/<imageId>.files.ndjson.gz: everything that is on an image's disk, in the order of the paths. */
export async function keepFileList(imageId: string, files: readonly ListedFile[]): Promise<void> {
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const text = sorted.map((file) => `${JSON.stringify(file)}\n`).join('');
  await writeWhole(besidePath(imageId, 'files'), gzipSync(text));
}

/** @returns null when no audit has read the disk, or what it wrote is damaged */
export async function readFileList(imageId: string): Promise<ReadonlyMap<string, ListedFile> | null> {
  try {
    const text = gunzipSync(await readFile(besidePath(imageId, 'files'))).toString('utf8');
    const files = text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as ListedFile);
    return new Map(files.map((file) => [file.path, file]));
  } catch {
    return null;
  }
}
