import { type Ext4, ROOT_INODE } from './ext4/file-system.ts';
import type { Inode } from './ext4/inode.ts';
import { pathText } from './path-text.ts';

export type Found = { readonly path: string; readonly inode: Inode };

/** Folders in folders without end are damage: Linux itself cannot name what lies deeper. */
const MOST_PATH_BYTES = 64 * 1024;

type Waiting = { readonly path: string; readonly number: number };

function within(folder: string, name: string): string {
  return folder === '/' ? `/${name}` : `${folder}/${name}`;
}

/**
 * Every name of a file system with its inode, folders before what is in them, names in the order of their bytes.
 *
 * @param isLive that the file system changes meanwhile: what is gone again is left out
 * @throws Error when it is damaged
 */
export function* walk(fileSystem: Ext4, isLive: boolean): Generator<Found> {
  const seen = new Set<number>();
  const waiting: Waiting[] = [{ path: '/', number: ROOT_INODE }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { path, number } = next;
    const inode = fileSystem.inode(number);
    if (inode === null) {
      if (isLive) continue;
      throw new Error(`${path} is inode ${number}, which is free`);
    }
    yield { path, inode };
    if (inode.kind !== 'folder') continue;
    if (seen.has(number)) throw new Error(`${path} is inode ${number}, a folder that has another name already`);
    if (path.length > MOST_PATH_BYTES) throw new Error(`${path.slice(0, 100)}… goes too deep`);
    seen.add(number);
    const names = fileSystem.names(inode).toSorted((a, b) => b.name.compare(a.name));
    for (const each of names) waiting.push({ path: within(path, pathText(each.name)), number: each.inode });
  }
}
