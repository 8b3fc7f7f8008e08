import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectFolder } from '../../src/io/paths.ts';
import { lintPlanted } from '../support/biome.ts';
import { isNode, langOf, type Node, parse, sources, textOf } from '../support/syntax.ts';
import { tempFolder } from '../support/temp-folder.ts';

/** A function that does not fit a screen does more than one thing. */
const MOST_LINES = 80;

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);

/** A function has its own name, or that of the variable, field or method that it is the value of. */
function nameOf(node: Node): string | undefined {
  for (const holder of [node['id'], node['key']]) {
    if (isNode(holder) && typeof holder['name'] === 'string') return holder['name'];
  }
  return undefined;
}

function linesOf(source: string, { start, end }: Node): number {
  return source.slice(start, end).split('\n').length;
}

function longFunctions(source: string, lang: 'ts' | 'js'): { name: string; lines: number }[] {
  const found: { name: string; lines: number }[] = [];
  const visit = (value: unknown, around: string): void => {
    if (Array.isArray(value)) for (const each of value) visit(each, around);
    if (!isNode(value)) return;
    const name = nameOf(value) ?? around;
    const lines = FUNCTIONS.has(value.type) ? linesOf(source, value) : 0;
    if (lines > MOST_LINES) found.push({ name, lines });
    for (const child of Object.values(value)) visit(child, name);
  };
  visit(parse(source, lang), '(a function without a name)');
  return found;
}

test('a long function is found in every form, by the name that people know it by', () => {
  const body = `{\n${'  1;\n'.repeat(MOST_LINES)}}`;
  const source = `
    function declared() ${body}
    const arrow = () => ${body};
    class Thing { method() ${body} #hidden() ${body} field = () => ${body}; }
    const short = { inner: () => 1 };
    export default { verb: async function () ${body} };
  `;
  expect(longFunctions(source, 'ts').map(({ name }) => name)).toEqual([
    'declared',
    'arrow',
    'method',
    'hidden',
    'field',
    'verb',
  ]);
});

test('no function of the product has more than 80 lines', () => {
  const product = sources().filter((path) => !path.startsWith('test/'));
  const long = product.flatMap((path) =>
    longFunctions(textOf(path), langOf(path)).map(({ name, lines }) => `${path}: ${name} has ${lines} lines`),
  );
  expect(long).toEqual([]);
});

test('a top-level arrow function is refused, unless its constant has a type that it has to fit', async () => {
  const root = tempFolder();
  const refused = ['const a = () => 1;', 'export const b = async (x) => x;', 'let c = (x) => { return x; };'];
  const allowed = [
    'const value = [1].map((x) => x);',
    'function declared() { const inner = () => 3; return inner; }',
    'const holder = { method() { const inner = () => 3; return inner; } };',
    'export default () => 4;',
  ];
  const typed = ['const generic = <T,>(x: T): T => x;', 'const step: Step = () => 2;'];
  await writeFile(join(root, 'a.mjs'), [...refused, ...allowed].join('\n'));
  await writeFile(join(root, 'b.ts'), [...refused, ...typed, ...allowed].join('\n'));
  const plugin = join(projectFolder(), 'scripts', 'lint-rules', 'top-level-functions.grit');
  const found = await lintPlanted(root, { plugins: [plugin], linter: { rules: { preset: 'none' } } });
  expect(found.map(({ file, line }) => `${file}:${line}`).toSorted()).toEqual([
    ...['a.mjs:1', 'a.mjs:2', 'a.mjs:3'],
    ...['b.ts:1', 'b.ts:2', 'b.ts:3', 'b.ts:4'],
  ]);
});
