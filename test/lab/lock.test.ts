import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { withLock } from '../../lab/lock.ts';
import { tempFolder } from '../support/temp-folder.ts';

let folder: string;
beforeEach(() => {
  folder = tempFolder();
});

test('gives back what the work gives, and leaves no file', async () => {
  expect(await withLock(join(folder, 'lock'), async () => 7)).toBe(7);
  expect(await readdir(folder)).toEqual([]);
});

test('is free again when the work fails', async () => {
  await expect(withLock(join(folder, 'lock'), () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await readdir(folder)).toEqual([]);
});

test('a lock whose process is gone, or whose number is another process now, is no lock', async () => {
  for (const holder of [
    { pid: 2 ** 22, startTime: '1' },
    { pid: process.pid, startTime: '1' },
  ]) {
    await writeFile(join(folder, 'lock'), JSON.stringify(holder));
    expect(await withLock(join(folder, 'lock'), async () => 'mine')).toBe('mine');
  }
});
