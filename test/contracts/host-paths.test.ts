import { readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { HOST_FOLDER } from '../../contracts/host-paths.ts';
import { projectFolder } from '../../src/io/paths.ts';

test('code says where the project is on an image in one place', async () => {
  const saying: string[] = [];
  for await (const file of glob('{contracts,hostd,provisioners,src}/**/*.ts', { cwd: projectFolder() })) {
    const code = readFileSync(join(projectFolder(), file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
    if (code.includes(HOST_FOLDER)) saying.push(file);
  }
  expect(saying).toEqual(['contracts/host-paths.ts']);
});
