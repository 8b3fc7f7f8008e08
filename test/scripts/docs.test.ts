import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectFolder } from '../../src/io/paths.ts';

/** As in .editorconfig. */
const WIDTH = 120;

const root = projectFolder();
const tracked = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).split('\n').filter(Boolean);
const documents = tracked.filter((path) => path.endsWith('.md'));
const topFolders = new Set(tracked.filter((path) => path.includes('/')).map((path) => path.split('/')[0]));

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** Line by line, with code blocks (fenced, or indented outside of a list) taken out. */
function prose(text: string): string[] {
  let fence = '';
  let isList = false;
  return text.split('\n').map((line) => {
    const mark = /^\s*(```+|~~~+)/.exec(line)?.[1];
    if (mark !== undefined && (fence === '' || mark.startsWith(fence))) {
      fence = fence === '' ? mark : '';
      return '';
    }
    if (fence !== '') return '';
    if (/^\S/.test(line)) isList = /^(?:[-*+]|\d+\.) /.test(line);
    return !isList && line.startsWith('    ') ? '' : line;
  });
}

/** The paragraph may break a line within `code`, and a link within its text. */
function joined(text: string): string {
  return prose(text)
    .join('\n')
    .replace(/\n *(?=\S)/g, ' ');
}

function withoutCode(text: string): string {
  return text.replace(/`[^`\n]*`/g, '``');
}

/**
 * As GitHub makes it of a heading: lower case, no punctuation, hyphens for blanks; a second one of the name gets a
 * number.
 */
function anchorsOf(text: string): Set<string> {
  const seen = new Map<string, number>();
  const headings = prose(text).flatMap((line) => /^#{1,6} +(.*?)\s*$/.exec(line)?.[1] ?? []);
  return new Set(
    headings.map((heading) => {
      const slug = heading
        .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replace(/ /g, '-');
      const count = seen.get(slug) ?? 0;
      seen.set(slug, count + 1);
      return count === 0 ? slug : `${slug}-${count}`;
    }),
  );
}

/** Targets of links that lead into this repository. */
function linksOf(text: string): string[] {
  return [...withoutCode(joined(text)).matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z][a-z+.-]*:/i.test(target));
}

function brokenLinks(document: string, text: string): string[] {
  return linksOf(text).filter((target) => {
    const [path = '', anchor] = target.split('#', 2);
    if (path === '') return !anchorsOf(text).has(anchor ?? '');
    const file = normalize(join(dirname(document), decodeURIComponent(path)));
    if (file.startsWith('..') || !existsSync(join(root, file))) return true;
    return anchor !== undefined && file.endsWith('.md') && !anchorsOf(read(file)).has(anchor);
  });
}

/** Files of the state folder, which documents name as they lie in it. */
const IN_STATE_FOLDER = new Set(['lab/daemon.log', 'lab/calls.ndjson']);

/** What stands in backticks and looks like a path of this repository; a pattern, or a part to be filled in, is none. */
function pathsOf(text: string): string[] {
  return [...joined(text).matchAll(/`([^`\n]+)`/g)]
    .flatMap(([, code = '']) => code.split(/[\s,;]+/))
    .map((word) => word.replace(/[.:]$/, ''))
    .filter((word) => word.includes('/') && topFolders.has(word.split('/')[0]) && /^[\w./@-]+$/.test(word));
}

/** Those of the repository's own folders; a document in a folder may also say what is beside it. */
function missingPaths(document: string, text: string): string[] {
  return pathsOf(text).filter(
    (path) =>
      !IN_STATE_FOLDER.has(path) &&
      ![join(root, path), join(root, dirname(document), path)].some((each) => existsSync(each)),
  );
}

/** Lines of prose that could be broken, and are not. */
function wideLines(text: string): string[] {
  if (text.startsWith('<!-- Generated')) return [];
  return prose(text).filter((line) => {
    if (line.length <= WIDTH || /^\s*\|/.test(line)) return false;
    return line
      .trim()
      .replace(/^(?:[-*+]|\d+\.|>) +/, '')
      .includes(' ');
  });
}

describe.each(documents)('%s', (document) => {
  const text = read(document);

  test('links lead to files and headings that exist', () => {
    expect(brokenLinks(document, text)).toEqual([]);
  });

  test('paths of this repository exist', () => {
    expect(missingPaths(document, text)).toEqual([]);
  });

  test(`prose is at most ${WIDTH} columns wide`, () => {
    expect(wideLines(text)).toEqual([]);
  });
});

describe('these tests see', () => {
  test('a link that leads nowhere, and an anchor without a heading', () => {
    const text = '# One title\n[a](#one-title) [b](#two) [c](no.md) [d](src/cli/table.ts) [e](https://x/y) `[f](no)`';
    expect(brokenLinks('README.md', text)).toEqual(['#two', 'no.md']);
  });

  test('headings as GitHub names them', () => {
    expect([...anchorsOf('# A `b`, c: d\n## Who is let in\n## Who is let in\n```\n# not one\n```\n')]).toEqual([
      'a-b-c-d',
      'who-is-let-in',
      'who-is-let-in-1',
    ]);
  });

  test('a path that does not exist, but not patterns or programs', () => {
    expect(missingPaths('README.md', '`src/gone.ts`, `src/*.ts`, `docs/<name>/x`, `src/cli/table.ts`, `a/b`')).toEqual([
      'src/gone.ts',
    ]);
  });

  test('a line that is too wide, but not tables, code or one long word', () => {
    const long = `${'word '.repeat(30)}end`;
    const word = 'x'.repeat(150);
    expect(
      wideLines([long, `| ${long} |`, '```', long, '```', '', `    ${long}`, word, `- ${word}`].join('\n')),
    ).toEqual([long]);
  });
});
