import { mkdir, readdir, readFile, readlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { contentKey, folderFor, makeStamped, readStamp } from '../../scripts/setup-lib/stamp.mjs';
import { tempFolder } from '../support/temp-folder.ts';

let cache: string;
let link: string;
beforeEach(() => {
  cache = tempFolder();
  link = join(cache, 'tool');
});

function make(text: string) {
  return async (folder: string) => {
    await writeFile(join(folder, 'file'), text);
    return `facts of ${text}`;
  };
}

test('the key depends on every part and on where one ends', () => {
  expect(contentKey(['a', 'b'])).toBe(contentKey(['a', 'b']));
  expect(contentKey(['ab', ''])).not.toBe(contentKey(['a', 'b']));
});

test('finished work is found again, and is not made again', async () => {
  expect(await readStamp(link, 'k1')).toBeNull();
  await makeStamped(link, 'k1', make('one'));
  expect(await readStamp(link, 'k1')).toBe('facts of one');
  await makeStamped(link, 'k1', () => Promise.reject(new Error('made again')));
  expect(await readFile(join(link, 'file'), 'utf8')).toBe('one');
});

test('an interrupted run changes nothing that is in use, and the next one starts that step afresh', async () => {
  await makeStamped(link, 'k1', make('one'));
  const interrupted = makeStamped(link, 'k2', async (folder) => {
    await writeFile(join(folder, 'half'), '');
    throw new Error('interrupted');
  });
  await expect(interrupted).rejects.toThrow('interrupted');
  expect(await readStamp(link, 'k1')).toBe('facts of one');
  expect(await readStamp(link, 'k2')).toBeNull();

  await makeStamped(link, 'k2', make('two'));
  expect(await readStamp(link, 'k2')).toBe('facts of two');
  expect(await readdir(link)).toEqual(['.complete', 'file']);
});

test('a plain folder in the place of the link is replaced', async () => {
  await mkdir(link);
  await writeFile(join(link, 'old'), '');
  await makeStamped(link, 'k1', make('one'));
  expect(await readlink(link)).toBe('.tool-k1');
  expect((await readdir(cache)).sort()).toEqual(['.tool-k1', 'tool']);
});

test('a branch switch finds the work of the other branch for a week, and unfinished work goes at once', async () => {
  await makeStamped(link, 'k1', make('one'));
  await makeStamped(link, 'k2', make('two'));
  await mkdir(folderFor(link, 'half'));
  await makeStamped(link, 'k1', () => Promise.reject(new Error('made again')));
  expect((await readdir(cache)).sort()).toEqual(['.tool-k1', '.tool-k2', 'tool']);

  const longAgo = new Date(Date.now() - 8 * 24 * 3600 * 1000);
  await utimes(join(folderFor(link, 'k2'), '.complete'), longAgo, longAgo);
  await makeStamped(link, 'k3', make('three'));
  expect((await readdir(cache)).sort()).toEqual(['.tool-k1', '.tool-k3', 'tool']);
});
