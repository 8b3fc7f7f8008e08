import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { buildBundle } from '../../src/render/bundle.ts';

const work = await mkdtemp(join(tmpdir(), 'ecs-host-bundle-'));
const ownCache = process.env['ECS_HOST_CACHE'];
afterAll(async () => {
  if (ownCache === undefined) delete process.env['ECS_HOST_CACHE'];
  else process.env['ECS_HOST_CACHE'] = ownCache;
  await rm(work, { recursive: true, force: true });
});

/** With a cache of its own, so that nothing comes from an earlier build. */
const build = (name: string) => {
  process.env['ECS_HOST_CACHE'] = join(work, `cache-${name}`);
  return buildBundle({ folder: join(work, name), provisioners: ['base', 'verify'], wantsStandInAgent: true });
};

test('two builds of one checkout are equal byte for byte, and each program stands alone', {
  timeout: 120_000,
}, async () => {
  const first = await build('first');
  const second = await build('second');
  expect(first.files).toEqual(second.files);
  // A hard link to the cache would change under tar when another run links it.
  expect((await stat(join(first.folder, 'bin', 'node.gz'))).nlink).toBe(1);
  expect(first.files.map(({ path }) => path)).toEqual([
    'bin/ecs-host-status.mjs',
    'bin/ecs-hostd.mjs',
    'payload/ecs-agent-lab-stand-in.deb',
    'provisioners/bake.mjs',
    'provisioners/base.mjs',
    'provisioners/verify.mjs',
    'rootfs.tar',
  ]);
  for (const path of ['bin/ecs-hostd.mjs', 'provisioners/base.mjs']) {
    const text = await readFile(join(first.folder, path), 'utf8');
    const imported = [...text.matchAll(/^import\s[^;]*?from\s+["']([^"']+)["']/gm)].map(([, name = '']) => name);
    expect(
      imported.filter(
        (name) =>
          !name.startsWith('node:') &&
          !/^(assert|fs|os|path|process|url|util|child_process|events|stream|buffer|zlib|crypto|http|https|net|readline)(\/|$)/.test(
            name,
          ),
      ),
    ).toEqual([]);
  }
});
