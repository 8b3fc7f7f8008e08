import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { writeWhole } from '../../src/io/write-whole.ts';

async function aFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ecs-host-test-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

test('makes the folder, and writers side by side leave one whole file and nothing else', async () => {
  const folder = join(await aFolder(), 'below');
  const texts = Array.from({ length: 20 }, (_, at) => `${at}`.repeat(5000));
  await Promise.all(texts.map((text) => writeWhole(join(folder, 'file'), text)));
  expect(await readdir(folder)).toEqual(['file']);
  expect(texts).toContain(await readFile(join(folder, 'file'), 'utf8'));
});

test('what cannot be put in its place leaves nothing behind', async () => {
  const folder = await aFolder();
  await mkdir(join(folder, 'taken', 'inside'), { recursive: true });
  await expect(writeWhole(join(folder, 'taken'), 'text')).rejects.toThrow();
  expect(await readdir(folder)).toEqual(['taken']);
});
