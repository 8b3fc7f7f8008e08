import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { ensurePart, type Part } from '../../../lab/parts/part.ts';

function quiet(): void {}

const made: string[] = [];

async function emptyCache(): Promise<string> {
  const cache = await mkdtemp(join(tmpdir(), 'parts-'));
  made.push(cache);
  return cache;
}

afterEach(async () => {
  for (const folder of made.splice(0)) await rm(folder, { recursive: true });
});

function partOf(digest: string, build: Part['build']): Part {
  return {
    name: 'a-part',
    substitution: { component: 'a', source: 'b', reason: 'c' },
    digest: async () => digest,
    build,
  };
}

test('a part is made once for a digest, by one of those who ask at the same time', async () => {
  const cache = await emptyCache();
  let builds = 0;
  const part = partOf('d1', async ({ folder }) => {
    builds += 1;
    await writeFile(join(folder, 'file'), 'whole');
  });
  const folders = await Promise.all([ensurePart(part, cache, quiet), ensurePart(part, cache, quiet)]);
  expect(await ensurePart(part, cache, quiet)).toBe(folders[0]);
  expect(new Set(folders).size).toBe(1);
  expect(builds).toBe(1);
  expect(await readFile(join(folders[0], 'file'), 'utf8')).toBe('whole');
});

test('a build that fails leaves nothing, and the next one begins anew', async () => {
  const cache = await emptyCache();
  const failing = partOf('d1', async ({ folder }) => {
    await writeFile(join(folder, 'half'), '');
    throw new Error('no compiler');
  });
  await expect(ensurePart(failing, cache, quiet)).rejects.toThrow('no compiler');
  const folder = await ensurePart(
    partOf('d1', async () => undefined),
    cache,
    quiet,
  );
  expect(await readdir(folder)).toEqual([]);
});

test('of other digests the two newest stay', async () => {
  const cache = await emptyCache();
  for (const digest of ['d1', 'd2', 'd3', 'd4'])
    await ensurePart(
      partOf(digest, async () => undefined),
      cache,
      quiet,
    );
  const there = await readdir(join(cache, 'parts', 'a-part'));
  expect(there.filter((name) => name !== 'lock')).toHaveLength(3);
  expect(there).toContain('d4');
});
