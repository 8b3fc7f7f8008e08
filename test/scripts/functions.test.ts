import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAst } from 'rolldown/parseAst';
import { expect, test } from 'vitest';
import { projectFolder } from '../../src/io/paths.ts';

/** A function that does not fit a screen does more than one thing. */
const MOST_LINES = 80;

type Node = { readonly type: string; readonly start: number; readonly end: number; readonly [key: string]: unknown };

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Partial<Node>).type === 'string';
}

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
  visit(parseAst(source, { lang }), '(a function without a name)');
  return found;
}

/** Names of top-level constants that hold an arrow function and no type of their own: those would be function declarations. */
function arrowConstants(source: string, lang: 'ts' | 'js'): string[] {
  const statements = (parseAst(source, { lang }) as unknown as { body: Node[] }).body;
  return statements.flatMap((statement) => {
    const declaration = statement.type === 'ExportNamedDeclaration' ? statement['declaration'] : statement;
    if (!isNode(declaration) || declaration.type !== 'VariableDeclaration') return [];
    return (declaration['declarations'] as Node[]).flatMap(({ id, init }) =>
      isNode(init) && init.type === 'ArrowFunctionExpression' && isNode(id) && !id['typeAnnotation']
        ? [String(id['name'])]
        : [],
    );
  });
}

function langOf(path: string): 'ts' | 'js' {
  return path.endsWith('.ts') ? 'ts' : 'js';
}

function textOf(path: string): string {
  return readFileSync(join(projectFolder(), path), 'utf8');
}

function sources(): string[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts', '*.mjs'], {
    cwd: projectFolder(),
    encoding: 'utf8',
  });
  return listed.split('\n').filter((path) => path !== '' && existsSync(join(projectFolder(), path)));
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

test('a top-level arrow function is found, unless its constant has a type that it has to fit', () => {
  const source = `
    const a = () => 1;
    export const b = async (x: number) => x;
    const typed: Step = () => 2;
    const value = [1].map((x) => x);
    function declared() { const inner = () => 3; return inner; }
    export default () => 4;
  `;
  expect(arrowConstants(source, 'ts')).toEqual(['a', 'b']);
});

test('top-level functions are declarations, so that stack traces, hoisting and tools find them', () => {
  const arrows = sources().flatMap((path) =>
    arrowConstants(textOf(path), langOf(path)).map((name) => `${path}: ${name}`),
  );
  expect(arrows).toEqual([]);
});
