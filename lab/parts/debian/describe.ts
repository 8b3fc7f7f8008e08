import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** Hex digits of the hash over files below folders (path, content) and of what else determines a part. */
export async function digestOfSources(folders: readonly string[], facts: unknown): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(facts));
  for (const folder of folders) {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    for (const file of files.sort()) hash.update(`\0${relative(folder, file)}\0`).update(await readFile(file));
  }
  return hash.digest('hex').slice(0, 16);
}

export async function sha256OfFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/** Writes `part.json`, which says what of the folder is the part. */
export async function describePart(
  folder: string,
  part: {
    readonly version: string;
    readonly files: readonly string[];
    readonly madeOf?: Readonly<Record<string, string>>;
  },
): Promise<void> {
  const files = await Promise.all(
    part.files.toSorted().map(async (name) => ({ name, sha256: await sha256OfFile(join(folder, name)) })),
  );
  const { version, madeOf = {} } = part;
  await writeFile(join(folder, 'part.json'), `${JSON.stringify({ version, files, madeOf }, null, 2)}\n`);
}
