import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { withLock } from '../lock.ts';

/** Ubuntu's releases that profiles are for; the lab's stand-in of each is made of Debian's packages. */
export type Codename = 'focal' | 'jammy' | 'noble';

/** What a plan, a record and a verdict say of a part that is not the real one. */
export type Substitution = { readonly component: string; readonly source: string; readonly reason: string };

export type PartBuild = {
  /** An empty folder, which becomes the part when `build` resolves. */
  readonly folder: string;
  /** Of the lab, for what builders download themselves. */
  readonly cache: string;
  readonly onProgress: (line: string) => void;
};

/** Something that the lab offers in the place of what only the internet has: files in a folder, made by a builder. */
export type Part = {
  /** Also its folder's name in the cache: `docker-ce-focal`. */
  readonly name: string;
  readonly substitution: Substitution;
  /** Hex digits over all that determines the files; another digest is another folder. */
  digest(): Promise<string>;
  /** @throws whatever fails; what it had written is removed */
  build(build: PartBuild): Promise<void>;
};

const PARTIAL = '.partial';
const KEPT = 3;

async function isThere(folder: string): Promise<boolean> {
  return stat(folder).then(
    () => true,
    () => false,
  );
}

/** Folders of other digests, but for the newest: other checkouts share the cache. */
async function removeOld(folder: string, current: string): Promise<void> {
  const others = (await readdir(folder, { withFileTypes: true })).filter(
    (entry) => entry.isDirectory() && entry.name !== current,
  );
  const dated = await Promise.all(
    others.map(async ({ name }) => ({ name, at: (await stat(join(folder, name))).mtimeMs })),
  );
  for (const { name } of dated.toSorted((a, b) => b.at - a.at).slice(KEPT - 1))
    await rm(join(folder, name), { recursive: true, force: true });
}

/**
 * The folder of a part as it is today, built first where it is not in the cache. An interrupted build leaves a folder
 * that the next one removes; a finished one appears whole.
 *
 * @param cache of the lab
 */
export async function ensurePart(part: Part, cache: string, onProgress: (line: string) => void): Promise<string> {
  const digest = await part.digest();
  const parent = join(cache, 'parts', part.name);
  const folder = join(parent, digest);
  if (await isThere(folder)) return folder;
  await mkdir(parent, { recursive: true });
  return withLock(
    join(parent, 'lock'),
    async () => {
      if (await isThere(folder)) return folder;
      for (const name of await readdir(parent))
        if (name.endsWith(PARTIAL)) await rm(join(parent, name), { recursive: true, force: true });
      const work = `${folder}${PARTIAL}`;
      await mkdir(work);
      try {
        await part.build({ folder: work, cache, onProgress });
        await rename(work, folder);
      } catch (error) {
        await rm(work, { recursive: true, force: true });
        throw error;
      }
      await removeOld(parent, digest);
      return folder;
    },
    (holder) => onProgress(`waiting for process ${holder}, which is making ${part.name}`),
  );
}
