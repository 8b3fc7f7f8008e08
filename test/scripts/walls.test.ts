import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { CLI, LAB, PROGRAMS, type Room, STAGES } from '../../scripts/walls.ts';
import { projectFolder } from '../../src/io/paths.ts';
import { lintPlanted } from '../support/biome.ts';
import { tempFolder } from '../support/temp-folder.ts';

const outer = PROGRAMS.filter(({ folder }) => folder !== 'src');
const inner: readonly Room[] = [...STAGES, CLI].map((room) => ({
  ...room,
  mayImport: ['contracts', ...room.mayImport],
}));
const rooms = [...outer, ...LAB, ...inner];
const folders = [...new Set(rooms.map(({ folder }) => folder))];

function isWithin(folder: string, other: string): boolean {
  return folder === other || folder.startsWith(`${other}/`);
}

/**
 * `src/plan` may be imported by whoever may import `src`, and the single files of `lab` by all of its rooms. Those
 * files may not import the rooms, which the rest of the folder may. What runs before packages are there has nobody.
 */
function isAllowed({ folder, mayImport, files, isBeforePackages }: Room, other: string): boolean {
  if (isBeforePackages) return false;
  const isOwn = isWithin(folder, other) || (files === undefined && isWithin(other, folder));
  return isOwn || mayImport.some((may) => isWithin(other, may));
}

/** Deep in the folder, but for a room that is only the files right in it. */
function fileOf({ folder, files }: Room, other: string): string {
  return `${folder}${files === undefined ? '/deep' : ''}/${other.replaceAll('/', '-')}.ts`;
}

/**
 * A file for each room and each other room, which imports it and nothing else. @returns the files by whether they are
 * allowed
 */
async function plant(root: string): Promise<{ allowed: string[]; forbidden: string[] }> {
  const planted: { allowed: string[]; forbidden: string[] } = { allowed: [], forbidden: [] };
  for (const room of rooms)
    for (const folder of folders) {
      if (folder === room.folder) continue;
      const file = fileOf(room, folder);
      const target = relative(join(root, dirname(file)), join(root, folder, 'x.ts'));
      await mkdir(dirname(join(root, file)), { recursive: true });
      await writeFile(join(root, file), `import '${target}';\n`);
      planted[isAllowed(room, folder) ? 'allowed' : 'forbidden'].push(file);
    }
  return planted;
}

/** The files that Biome refuses for their imports, by the rules of biome.json. */
async function refused(root: string): Promise<string[]> {
  const { overrides } = JSON.parse(await readFile(join(projectFolder(), 'biome.json'), 'utf8')) as {
    overrides: object[];
  };
  const found = await lintPlanted(root, { linter: { rules: { preset: 'none' } }, overrides });
  return found.filter(({ rule }) => rule.endsWith('/noRestrictedImports')).map(({ file }) => file);
}

test('every wall of scripts/walls.ts holds, and nothing else is walled', async () => {
  const root = tempFolder();
  const { allowed, forbidden } = await plant(root);
  expect(allowed.length).toBeGreaterThan(50);
  expect((await refused(root)).toSorted()).toEqual(forbidden.toSorted());
});

test('what runs before packages are there imports Node, and what stands beside it', async () => {
  const root = tempFolder();
  const good = ['node:fs', 'node:fs/promises', './run.mjs'];
  const bad = [
    'execa',
    '@aws-sdk/client-ec2',
    'pkg/node:fs',
    '#contracts/reason.ts',
    'fs',
    '..',
    '../walls.ts',
    './../walls.ts',
  ];
  const early = rooms.filter(({ isBeforePackages }) => isBeforePackages).map(({ folder }) => folder);
  expect(early).toEqual(['scripts/setup-lib']);
  const forbidden: string[] = [];
  for (const folder of early) {
    await mkdir(join(root, folder), { recursive: true });
    for (const [at, name] of [...good, ...bad].entries())
      for (const [form, line] of [
        `import '${name}';`,
        `export * from '${name}';`,
        `await import('${name}');`,
      ].entries()) {
        const file = `${folder}/${at}-${form}.mjs`;
        await writeFile(join(root, file), `${line}\n`);
        if (at >= good.length) forbidden.push(file);
      }
  }
  expect((await refused(root)).toSorted()).toEqual(forbidden.toSorted());
});
