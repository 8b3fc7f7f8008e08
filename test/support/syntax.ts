/** The project's own TypeScript and JavaScript, parsed: for rules that no linter has. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAst } from 'rolldown/parseAst';
import { projectFolder } from '../../src/io/paths.ts';

export type Node = {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
};

export type Lang = 'ts' | 'js';

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Partial<Node>).type === 'string';
}

export function parse(source: string, lang: Lang): Node {
  return parseAst(source, { lang }) as unknown as Node;
}

/** The node and all that it contains, from the top. */
export function* nodesOf(value: unknown): Generator<Node> {
  if (Array.isArray(value)) for (const each of value) yield* nodesOf(each);
  if (!isNode(value)) return;
  yield value;
  for (const child of Object.values(value)) yield* nodesOf(child);
}

export function langOf(path: string): Lang {
  return path.endsWith('.ts') ? 'ts' : 'js';
}

export function textOf(path: string): string {
  return readFileSync(join(projectFolder(), path), 'utf8');
}

/** What git knows or would add and one of the patterns fits, by path from the project's folder. */
export function listed(...patterns: readonly string[]): string[] {
  const known = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', ...patterns], {
    cwd: projectFolder(),
    encoding: 'utf8',
  });
  return known.split('\n').filter((path) => path !== '' && existsSync(join(projectFolder(), path)));
}

export function sources(): string[] {
  return listed('*.ts', '*.mjs');
}
