import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { withGoWork } from '../../scripts/setup-lib/go.mjs';
import { tempFolder } from '../support/temp-folder.ts';

let cache = '';
beforeEach(() => {
  cache = tempFolder();
});

test('everything that Go keeps is below the cache, and goes with the build', async () => {
  const seen = await withGoWork(cache, async (env) => {
    for (const name of ['GOPATH', 'GOMODCACHE', 'GOCACHE']) {
      const folder = env[name] ?? '';
      expect(folder.startsWith(`${cache}/`), name).toBe(true);
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'x'), '');
    }
    return readdir(cache);
  });
  expect(seen).toEqual(['go-work']);
  expect(await readdir(cache)).toEqual([]);
});

test('what a build that failed has fetched stays for the next one', async () => {
  await expect(withGoWork(cache, () => Promise.reject(new Error('interrupted')))).rejects.toThrow('interrupted');
  expect(await readdir(cache)).toEqual(['go-work']);
});

test('builds within another find what those before them left, and it goes with the outer one', async () => {
  await withGoWork(cache, async (env) => {
    await withGoWork(cache, async (inner) => {
      expect(inner).toEqual(env);
      await mkdir(env['GOCACHE'] ?? '', { recursive: true });
    });
    expect(await readdir(join(cache, 'go-work'))).toEqual(['build']);
  });
  expect(await readdir(cache)).toEqual([]);
});
