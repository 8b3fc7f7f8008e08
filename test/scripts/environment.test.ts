import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectFolder } from '../../src/io/paths.ts';

/** README.md lists the environment variables that the program reads; this finds them in the code. */
const root = projectFolder();
const NAME = '[A-Za-z][A-Za-z0-9_]*';

/** What runs on the operator's machine. The stand-ins of ecs-init and the agent run on a host. */
const PATHS = [
  'bin',
  'scripts',
  'src',
  'lab',
  ':!lab/ecs-agent',
  ':!lab/parts/amazon-ecs-init/init',
  ':!*.md',
  ':!*.lock',
  ':!*.py',
];

/** Node reads them for us, where the code calls this. */
const READ_BY_NODE: Readonly<Record<string, RegExp>> = { NO_COLOR: /\bstyleText\(/, TMPDIR: /\btmpdir\(\)/ };

function sources(): string[] {
  const listed = execFileSync('git', ['ls-files', '-z', '--', ...PATHS], { cwd: root, encoding: 'utf8' });
  return listed.split('\0').filter((path) => path !== '');
}

/**
 * A name that a script sets itself is no environment of the user's, but where it may have been set before
 * (`${X:-`).
 */
function readByShell(source: string): string[] {
  const own = new Set([...source.matchAll(/^\s*(?:export )?([A-Z_]+)=/gm)].map(([, name]) => name));
  return [...source.matchAll(/\$\{?([A-Z][A-Z0-9_]*)(:?[-+])?/g)]
    .filter(([, name = '', fallback]) => !name.startsWith('BASH_') && (fallback !== undefined || !own.has(name)))
    .map(([, name = '']) => name);
}

/**
 * `process.env['X']`, `env.X`, `{ X } = process.env`, and names of known families that are handed to a helper as
 * text.
 */
function readByNode(source: string): string[] {
  const found = [
    ...source.matchAll(new RegExp(`\\b(?:env|environment)\\['(${NAME})'\\]`, 'g')),
    ...source.matchAll(new RegExp(`\\bprocess\\.env\\.(${NAME})`, 'g')),
    ...source.matchAll(/'((?:ECS_HOST|XDG|AWS|NODE)_[A-Z_]+|(?:[A-Z]+_PROXY)|HOME)'/g),
  ].map(([, name = '']) => name);
  const destructured = [...source.matchAll(/\{([^{}]*)\} = process\.env\b/g)].flatMap(([, names = '']) =>
    names.split(',').map((name) => name.trim().replace(/[:=].*/, '')),
  );
  return [...found, ...destructured];
}

function readByCode(): Set<string> {
  const names = sources().flatMap((path) => {
    const source = readFileSync(join(root, path), 'utf8');
    if (/\.(?:ts|mjs)$/.test(path)) return readByNode(source);
    return /^#!.*sh\b/.test(source) && !path.startsWith('lab/') ? readByShell(source) : [];
  });
  return new Set(names);
}

function listed(): string[] {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const [, section = ''] = readme.split('\n## Environment variables\n');
  const rows = (section.split('\n## ')[0] ?? '').split('\n').filter((line) => line.startsWith('| `'));
  return rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name));
}

function isListed(name: string, names: readonly string[]): boolean {
  return names.some((each) => (each.endsWith('*') ? name.startsWith(each.slice(0, -1)) : each === name));
}

test('the README lists every environment variable that the code reads', () => {
  const names = listed();
  expect([...readByCode()].filter((name) => !isListed(name, names))).toEqual([]);
});

test('the code reads every environment variable that the README lists', () => {
  const read = readByCode();
  const texts = sources().map((path) => readFileSync(join(root, path), 'utf8'));
  const isRead = (name: string): boolean =>
    READ_BY_NODE[name] === undefined ? read.has(name) : texts.some((text) => READ_BY_NODE[name]?.test(text));
  const names = listed().filter((name) => !name.endsWith('*'));
  expect(names.length).toBeGreaterThan(15);
  expect(names.filter((name) => !isRead(name))).toEqual([]);
});

test('names are found in scripts and in TypeScript', () => {
  const script = `A=1\nexport B=2\necho "$A" $B "\${B:-}" "\${C:-}" $D \${BASH_SOURCE[0]} $lower`;
  expect(readByShell(script)).toEqual(['B', 'C', 'D']);
  const source =
    "process.env['A']; env['B'] ?? ''; process.env.C; const { D, E } = process.env; from('ECS_HOST_F', 'OTHER')";
  expect(readByNode(source)).toEqual(['A', 'B', 'C', 'ECS_HOST_F', 'D', 'E']);
});
