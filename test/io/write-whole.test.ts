import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeWhole } from '../../src/io/write-whole.ts';
import { tempFolder } from '../support/temp-folder.ts';

test('makes the folder, and writers side by side leave one whole file and nothing else', async () => {
  const folder = join(tempFolder(), 'below');
  const texts = Array.from({ length: 20 }, (_, at) => `${at}`.repeat(5000));
  await Promise.all(texts.map((text) => writeWhole(join(folder, 'file'), text)));
  expect(await readdir(folder)).toEqual(['file']);
  expect(texts).toContain(await readFile(join(folder, 'file'), 'utf8'));
});

test('what cannot be put in its place leaves nothing behind', async () => {
  const folder = tempFolder();
  await mkdir(join(folder, 'taken', 'inside'), { recursive: true });
  await expect(writeWhole(join(folder, 'taken'), 'text')).rejects.toThrow();
  expect(await readdir(folder)).toEqual(['taken']);
});
