import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensurePart, type Part, type Substitution } from '../parts/part.ts';

/** A part as it lies in the cache: its files, as its `part.json` lists them. */
export type PartFolder = {
  readonly folder: string;
  /** Of what the part stands for: `2.31.0`, `580.178.04`. */
  readonly version: string;
  readonly files: readonly { readonly name: string; readonly sha256: string }[];
};

export type PartFolders = {
  /**
   * Builds it first where nobody has yet. Null when the lab has no part of that name.
   *
   * @throws whatever its builder failed with; the next call tries again
   */
  get(name: string): Promise<PartFolder | null>;
  substitution(name: string): Substitution | null;
};

/** @throws Error in words when the part's own list is not what it should be */
async function readPart(folder: string): Promise<PartFolder> {
  const { version, files } = JSON.parse(await readFile(join(folder, 'part.json'), 'utf8')) as Partial<PartFolder>;
  const isListed =
    typeof version === 'string' &&
    Array.isArray(files) &&
    files.every(({ name, sha256 }) => /^[^/]+$/.test(name) && /^[0-9a-f]{64}$/.test(sha256));
  if (!isListed) throw new Error(`${folder}/part.json does not list the files of a part`);
  return { folder, version, files };
}

/** The parts that a lab has, each looked for and built once in its life. */
export function createPartFolders(
  partNamed: (name: string) => Part | null,
  cache: string,
  onProgress: (line: string) => void,
): PartFolders {
  const asked = new Map<string, Promise<PartFolder>>();
  const ensure = async (part: Part): Promise<PartFolder> =>
    readPart(await ensurePart(part, cache, (line) => onProgress(`${part.name}: ${line}`)));
  return {
    get: async (name) => {
      const already = asked.get(name);
      if (already !== undefined) return already;
      const part = partNamed(name);
      if (part === null) return null;
      const folder = ensure(part);
      asked.set(name, folder);
      folder.catch(() => asked.delete(name));
      return folder;
    },
    substitution: (name) => partNamed(name)?.substitution ?? null,
  };
}

/** The whole path of a file that the part lists; null of any other. */
export function fileOf(part: PartFolder, name: string): string | null {
  return part.files.some((file) => file.name === name) ? join(part.folder, name) : null;
}
