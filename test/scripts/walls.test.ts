import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { CLI, PROGRAMS, type Room, STAGES } from '../../scripts/walls.ts';
import { projectFolder } from '../../src/io/paths.ts';
import { tempFolder } from '../support/temp-folder.ts';

const outer = PROGRAMS.filter(({ folder }) => folder !== 'src');
const inner: readonly Room[] = [...STAGES, CLI].map((room) => ({
  ...room,
  mayImport: ['contracts', ...room.mayImport],
}));
const rooms = [...outer, ...inner];

/** `src/plan` may be imported by whoever may import `src`. */
function isAllowed({ folder, mayImport }: Room, other: string): boolean {
  return folder === other || mayImport.some((may) => other === may || other.startsWith(`${may}/`));
}

/** A file for each room and each other room, which imports it and nothing else. @returns the files by whether they are allowed */
async function plant(root: string): Promise<{ allowed: string[]; forbidden: string[] }> {
  const planted: { allowed: string[]; forbidden: string[] } = { allowed: [], forbidden: [] };
  for (const room of rooms)
    for (const { folder } of rooms) {
      if (folder === room.folder) continue;
      const file = `${room.folder}/deep/${folder.replaceAll('/', '-')}.ts`;
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
  await writeFile(join(root, 'biome.json'), JSON.stringify({ linter: { rules: { preset: 'none' } }, overrides }));
  const biome = join(projectFolder(), 'node_modules', '.bin', 'biome');
  const args = ['lint', '--reporter=github', '--max-diagnostics=none', '.'];
  const output = await new Promise<string>((resolve) => {
    execFile(biome, args, { cwd: root, maxBuffer: 64 * 1024 * 1024 }, (_error, stdout) => resolve(stdout));
  });
  return [...output.matchAll(/noRestrictedImports,file=([^,]+),/g)].map(([, file = '']) => relative(root, file));
}

test('every wall of scripts/walls.ts holds, and nothing else is walled', async () => {
  const root = tempFolder();
  const { allowed, forbidden } = await plant(root);
  expect(allowed.length).toBeGreaterThan(50);
  expect((await refused(root)).toSorted()).toEqual(forbidden.toSorted());
});
