import { expect, test } from 'vitest';
import { listed, textOf } from '../support/syntax.ts';

const WIDTH = 120;
/** Written or recorded by other programs. */
const DATA = /^test\/(?:.*\/)?(?:golden|recorded)\//;

/** Numbers of the lines that are too wide. */
function tooWide(text: string): number[] {
  return text.split('\n').flatMap((line, at) => (line.length > WIDTH ? [at + 1] : []));
}

test('a line that does not fit is found', () => {
  expect(tooWide(`${'x'.repeat(WIDTH)}\n  run('${'x; '.repeat(40)}')\n`)).toEqual([2]);
});

// Biome breaks code and leaves strings: a shell program on one line is as long as it likes.
test('tests and benches, and the shell in them, fit a screen', () => {
  const files = listed('test/*.ts', 'test/*.sh', 'bench/*.ts', 'bench/*.sh').filter((path) => !DATA.test(path));
  expect(files.length).toBeGreaterThan(200);
  expect(files.flatMap((path) => tooWide(textOf(path)).map((line) => `${path}:${line}`))).toEqual([]);
});
