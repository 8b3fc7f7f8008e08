import { readFile } from 'node:fs/promises';
import { map, parseObject, shapeCheck, TEXT } from '../io/shape.ts';
import { writeWhole } from '../io/write-whole.ts';
import { besidePath } from './beside.ts';

/** By package, what its lists came to in the bake (contracts/package-lists.ts). */
export type ToldPackages = Readonly<Record<string, string>>;

const problemOf = shapeCheck(map(TEXT));

export function keepPackages(imageId: string, packages: ToldPackages): Promise<void> {
  return writeWhole(besidePath(imageId, 'packages'), `${JSON.stringify(packages, null, 1)}\n`);
}

/** @returns null where the image was baked elsewhere, or what was written is damaged */
export async function readPackages(imageId: string): Promise<ToldPackages | null> {
  const text = await readFile(besidePath(imageId, 'packages'), 'utf8').catch(() => '');
  const value = parseObject(text);
  return typeof value === 'string' || problemOf(value) !== null ? null : (value as ToldPackages);
}
