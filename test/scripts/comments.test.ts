import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectFolder } from '../../src/io/paths.ts';

const WIDTH = 120;
/** json-schema-to-typescript writes them. */
const GENERATED = new Set(['contracts/webserver.ts', 'contracts/host-config.ts', 'src/config/hosts-config.ts']);

/** A line of comment that could have been broken; directives have to stay on one. */
function isTooWide(line: string): boolean {
  const text = /^\s*(?:\/\/|\/?\*\*?)\s+(.*)$/.exec(line)?.[1];
  return line.length > WIDTH && text !== undefined && /\S\s+\S/.test(text) && !/biome-ignore|@ts-/.test(line);
}

test('a wide comment is found, and code, directives and addresses are not', () => {
  const words = 'word '.repeat(30);
  expect([`// ${words}`, ` * ${words}`, `/** ${words} */`].every(isTooWide)).toBe(true);
  expect([`const a = '${words}';`, `// biome-ignore lint: ${words}`, ` * ${'x'.repeat(130)}`].some(isTooWide)).toBe(
    false,
  );
});

test('comments wrap at 120, as all prose does: Biome does not touch them', () => {
  const listed = execFileSync('git', ['ls-files', '*.ts', '*.mjs'], { cwd: projectFolder(), encoding: 'utf8' });
  const wide = listed
    .split('\n')
    .filter((path) => path !== '' && !GENERATED.has(path))
    .flatMap((path) =>
      readFileSync(join(projectFolder(), path), 'utf8')
        .split('\n')
        .flatMap((line, at) => (isTooWide(line) ? [`${path}:${at + 1}`] : [])),
    );
  expect(wide).toEqual([]);
});
