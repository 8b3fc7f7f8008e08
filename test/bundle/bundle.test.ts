import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { buildBundle } from '../../src/bundle/bundle.ts';
import { SLOW_LAYER_FILE } from '../../src/bundle/names.ts';
import { projectFolder } from '../../src/io/paths.ts';
import { sharedTempFolder } from '../support/temp-folder.ts';

const work = sharedTempFolder();
const ownCache = process.env['ECS_HOST_CACHE'];
afterAll(() => {
  if (ownCache === undefined) delete process.env['ECS_HOST_CACHE'];
  else process.env['ECS_HOST_CACHE'] = ownCache;
});

/** With a cache of its own, so that nothing comes from an earlier build. */
function build(name: string) {
  process.env['ECS_HOST_CACHE'] = join(work, `cache-${name}`);
  return buildBundle({
    folder: join(work, name),
    wantsStandInAgent: true,
    hostProgram: null,
  });
}

test('two builds of one checkout are equal byte for byte, and each program stands alone', async () => {
  const first = await build('first');
  const second = await build('second');
  expect(first.files).toEqual(second.files);
  // A hard link to the cache would change under tar when another run links it.
  expect((await stat(join(first.folder, 'bin', 'node.gz'))).nlink).toBe(1);
  expect(first.files.map(({ path }) => path)).toEqual([
    'bin/ecs-host-dev.mjs',
    'bin/ecs-host-status.mjs',
    'bin/ecs-hostd.mjs',
    'payload/ecs-agent-lab-stand-in.deb',
    'provisioners/main.mjs',
    'provisioners/npm-packages.json',
    'provisioners/slow-layer.json',
    'rootfs.tar',
  ]);
  const packages = JSON.parse(await readFile(join(first.folder, 'provisioners/npm-packages.json'), 'utf8')) as unknown;
  const { dependencies } = JSON.parse(await readFile(join(projectFolder(), 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  expect(packages).toContainEqual({ name: 'zx', version: dependencies['zx'] });
  // In one program, and in two.
  expect(packages).toContainEqual({ name: 'ajv', version: dependencies['ajv'] });
  for (const path of ['bin/ecs-host-dev.mjs', 'bin/ecs-hostd.mjs', 'provisioners/main.mjs']) {
    const text = await readFile(join(first.folder, path), 'utf8');
    const imported = [...text.matchAll(/^import\s[^;]*?from\s+["']([^"']+)["']/gm)].map(([, name = '']) => name);
    expect(imported.filter((name) => !isBuiltin(name))).toEqual([]);
  }
});

test('says what of it the slow layer is made of, and only that', async () => {
  const { folder } = await build('first');
  const { program, files } = JSON.parse(await readFile(join(folder, SLOW_LAYER_FILE), 'utf8')) as {
    program: string;
    files: Record<string, unknown>;
  };
  expect(program).toMatch(/^[0-9a-f]{64}$/);
  expect(Object.keys(files)).toContain('/etc/systemd/system/docker.service.d/10-ecs-host-gate.conf');
  expect(Object.keys(files).filter((path) => /hostd|ecs-host\.service|imds|sysctl/.test(path))).toEqual([]);
});

test('a host service of the user is carried, and one that cannot run is refused', async () => {
  process.env['ECS_HOST_CACHE'] = join(work, 'cache-first');
  const program = join(work, 'own');
  const options = { wantsStandInAgent: true, hostProgram: program };
  await expect(buildBundle({ folder: join(work, 'own-1'), ...options })).rejects.toThrow(/is not there/);
  await writeFile(program, '#!/bin/sh\n', { mode: 0o644 });
  await expect(buildBundle({ folder: join(work, 'own-2'), ...options })).rejects.toThrow(/not executable/);
  await chmod(program, 0o755);
  const bundle = await buildBundle({ folder: join(work, 'own-3'), ...options });
  expect(bundle.files.map(({ path }) => path)).toContain('bin/host-service');
  expect((await stat(join(bundle.folder, 'bin', 'host-service'))).mode & 0o777).toBe(0o755);
});
