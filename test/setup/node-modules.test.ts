import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { nodeModulesFit } from '../../scripts/setup-lib/node-modules.mjs';
import { tempFolder } from '../support/temp-folder.ts';

let folder: string;
beforeEach(async () => {
  folder = tempFolder();
  await mkdir(join(folder, 'node_modules', '.bin'), { recursive: true });
  await writeFile(join(folder, 'node_modules', '.bin', 'node'), '');
});

const entry = { version: '1.0.0', integrity: 'sha512-a' };
function lock(packages: object): Promise<void> {
  return writeFile(
    join(folder, 'package-lock.json'),
    JSON.stringify({ packages: { '': { name: 'root' }, ...packages } }),
  );
}
function installed(packages: object): Promise<void> {
  return writeFile(join(folder, 'node_modules', '.package-lock.json'), JSON.stringify({ packages }));
}

test('fits when every package is there, in the locked version', async () => {
  await lock({ 'node_modules/a': entry });
  await installed({ 'node_modules/a': entry });
  expect(await nodeModulesFit(folder)).toBe(true);
});

test('packages of other platforms may be absent', async () => {
  await lock({ 'node_modules/a': entry, 'node_modules/darwin': { ...entry, optional: true } });
  await installed({ 'node_modules/a': entry });
  expect(await nodeModulesFit(folder)).toBe(true);
});

test.for([
  ['a missing package', {}],
  ['another version', { 'node_modules/a': { ...entry, version: '2.0.0' } }],
  ['other content', { 'node_modules/a': { ...entry, integrity: 'sha512-b' } }],
] as const)('does not fit with %s', async ([, packages]) => {
  await lock({ 'node_modules/a': entry });
  await installed(packages);
  expect(await nodeModulesFit(folder)).toBe(false);
});

test('an interrupted installation has no record and does not fit', async () => {
  await lock({ 'node_modules/a': entry });
  expect(await nodeModulesFit(folder)).toBe(false);
});
