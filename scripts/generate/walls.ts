import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { between, formatted } from '../generated-text.ts';
import { projectFolder } from '../setup-lib/paths.mjs';
import { CLI, LAB, PROGRAMS, type Room, STAGES } from '../walls.ts';

/** The `overrides` of biome.json, and the tables in docs/architecture.md and lab/README.md between their marks. */
const SOURCE = 'scripts/walls.ts';
const OTHERS = ['bench', 'test', 'examples'];

/** `src/io` is met as `../io/…` or `../../io/…`, `lab/net` as `../net/…`, a program as `../../lab/…`. */
function patternOf(folder: string): string {
  return `**/${folder.replace(/^(src|lab)\//, '')}/**`;
}

function isWithin(folder: string, other: string): boolean {
  return folder === other || folder.startsWith(`${other}/`);
}

/** What the room may not import, as Biome's patterns; one with `!` takes back from what those before it forbid. */
function patternsOf(room: Room, all: readonly Room[]): string[] {
  if (room.isBeforePackages) return ['**', '!node:*', '!node:*/*', '!./*'];
  const isOwn = (folder: string) =>
    isWithin(room.folder, folder) || (room.files === undefined && isWithin(folder, room.folder));
  const forbidden = [...all.map(({ folder }) => folder), ...OTHERS].filter(
    (folder) => !isOwn(folder) && !room.mayImport.some((may) => isWithin(folder, may)),
  );
  const outermost = forbidden.filter(
    (folder) => !forbidden.some((other) => other !== folder && isWithin(folder, other)),
  );
  const within = room.mayImport.filter((may) => forbidden.some((folder) => isWithin(may, folder)));
  return [
    ...outermost.map(patternOf),
    ...(forbidden.includes('contracts') ? ['#contracts/**'] : []),
    ...within.map((may) => `!${patternOf(may)}`),
  ];
}

function wallOf(room: Room, all: readonly Room[]) {
  const allowed = room.mayImport.length === 0 ? 'nothing else' : room.mayImport.join(', ');
  const message = room.isBeforePackages
    ? `${room.folder} runs before packages are there: node: and its own files alone (scripts/walls.ts)`
    : `${room.folder} imports ${allowed} (scripts/walls.ts)`;
  return {
    includes: room.files ?? [`${room.folder}/**`],
    linter: {
      rules: {
        style: {
          noRestrictedImports: {
            level: 'error',
            options: {
              patterns: [{ group: patternsOf(room, all), message }],
            },
          },
        },
      },
    },
  };
}

function biomeText(text: string): string {
  const biome = JSON.parse(text) as Record<string, unknown>;
  const inner = [...STAGES, CLI];
  const outer = PROGRAMS.filter(({ folder }) => folder !== 'src');
  const withContracts = inner.map((room) => ({ ...room, mayImport: ['contracts', ...room.mayImport] }));
  const overrides = [
    ...outer.map((room) => wallOf(room, PROGRAMS)),
    ...LAB.map((room) => wallOf(room, [...PROGRAMS, ...LAB])),
    ...withContracts.map((room) => wallOf(room, [...outer, ...inner])),
  ];
  return `${JSON.stringify({ ...biome, overrides }, null, 2)}\n`;
}

function rows(rooms: readonly Room[]): string {
  return [
    '| Folder | Holds | Imports |',
    '| ------ | ----- | ------- |',
    ...rooms.map(
      ({ folder, holds, mayImport }) =>
        `| \`${folder}/\` | ${holds} | ${mayImport.length === 0 ? 'nothing' : mayImport.map((each) => `\`${each}\``).join(' ')} |`,
    ),
  ].join('\n');
}

export default async (): Promise<{ path: string; text: string }[]> => {
  const read = (path: string): Promise<string> => readFile(join(projectFolder(), path), 'utf8');
  const map = await read('docs/architecture.md');
  const withPrograms = between(map, 'programs', SOURCE, rows(PROGRAMS));
  const files = [
    { path: 'biome.json', text: biomeText(await read('biome.json')) },
    { path: 'docs/architecture.md', text: between(withPrograms, 'stages', SOURCE, rows([...STAGES, CLI])) },
    { path: 'lab/README.md', text: between(await read('lab/README.md'), 'rooms', SOURCE, rows(LAB)) },
  ];
  return Promise.all(files.map(async ({ path, text }) => ({ path, text: await formatted(path, text) })));
};
