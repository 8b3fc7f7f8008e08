import { describe, expect, test } from 'vitest';
import { type Base, decide, pathsToHash, type State } from '../../../src/dev-host/sync/compare.ts';
import type { Entry, SideName } from '../../../src/dev-host/sync/entry.ts';

/** `-` nothing, a digit a file with that content, `x1` the same as executable, `/` a folder, `@a` a link to a. */
function entry(word: string): Entry | null {
  if (word === '-') return null;
  if (word === '/') return { kind: 'folder' };
  if (word.startsWith('@')) return { kind: 'link', to: word.slice(1) };
  return { kind: 'file', size: 1, time: word.replace('x', ''), isExecutable: word.startsWith('x') };
}

/** `path: base here there` */
function stateOf(lines: readonly string[]): State {
  const here = new Map<string, Entry>();
  const there = new Map<string, Entry>();
  const base = new Map<string, { here: Entry; there: Entry }>();
  for (const line of lines) {
    const [, path = '', ...words] = /^(\S+): (\S+) (\S+) (\S+)$/.exec(line) ?? [];
    const [was, isHere, isThere] = words.map(entry);
    if (was) base.set(path, { here: was, there: was });
    if (isHere) here.set(path, isHere);
    if (isThere) there.set(path, isThere);
  }
  return { here, there, base: base as Base };
}

/** As `path: what`, in the order of paths. */
function decided(lines: readonly string[], prefer: SideName | null = null): string[] {
  const state = stateOf(lines);
  const same = pathsToHash(state).filter((path) => {
    const [here, there] = [state.here.get(path), state.there.get(path)];
    return here?.kind === 'file' && there?.kind === 'file' && here.time === there.time;
  });
  const { actions, conflicts, agreed, gone } = decide(state, new Set(same), prefer);
  return [
    ...[...actions].map(([path, { kind, to }]) => `${path}: ${kind} ${to}`),
    ...[...conflicts].map(([path, reason]) => `${path}: ${reason}`),
    ...agreed.map((path) => `${path}: same`),
    ...gone.map((path) => `${path}: gone`),
  ].toSorted();
}

const COPY_HERE = 'copy here';
const COPY_THERE = 'copy there';

/** base, here, there; what is done; what with --prefer here, and there, where that differs. */
const TABLE: readonly (readonly [string, string, string?, string?])[] = [
  ['- 1 -', COPY_THERE],
  ['- - 1', COPY_HERE],
  ['- 1 1', 'same'],
  ['- 1 2', 'changed here and there', COPY_THERE, COPY_HERE],
  ['1 1 1', ''],
  ['1 1 2', COPY_HERE],
  ['1 2 1', COPY_THERE],
  ['1 2 2', 'same'],
  ['1 2 3', 'changed here and there', COPY_THERE, COPY_HERE],
  ['1 1 -', 'delete here'],
  ['1 - 1', 'delete there'],
  ['1 2 -', 'changed here, deleted there', COPY_THERE, 'delete here'],
  ['1 - 2', 'deleted here, changed there', 'delete there', COPY_HERE],
  ['1 - -', 'gone'],
  ['1 x1 1', COPY_THERE],
  ['1 1 x1', COPY_HERE],
  ['1 x1 x1', 'same'],
  ['1 x2 2', 'changed here and there', COPY_THERE, COPY_HERE],
  ['- @a -', COPY_THERE],
  ['- @a @a', 'same'],
  ['- @a @b', 'changed here and there', COPY_THERE, COPY_HERE],
  ['@a @b @a', COPY_THERE],
  ['@a 1 @a', COPY_THERE],
  ['1 1 @a', COPY_HERE],
  ['1 2 @a', 'a file here, a link there', COPY_THERE, COPY_HERE],
  ['- / -', COPY_THERE],
  ['- / /', 'same'],
  ['/ / /', ''],
  ['/ / -', 'delete here'],
  ['/ - /', 'delete there'],
  ['/ - -', 'gone'],
  ['1 / 1', COPY_THERE],
  ['/ / 1', COPY_HERE],
  ['- / 1', 'a folder here, a file there', COPY_THERE, COPY_HERE],
];

describe('one path (base, here, there)', () => {
  test.each(TABLE)('%s: %s', (states = '', plain = '', here = plain, there = plain) => {
    const lines = [`p: ${states}`];
    const expected = (what: string): string[] => (what === '' ? [] : [`p: ${what}`]);
    expect(decided(lines)).toEqual(expected(plain));
    expect(decided(lines, 'here')).toEqual(expected(here));
    expect(decided(lines, 'there')).toEqual(expected(there));
  });

  test('both sides are treated alike', () => {
    const swap = (text: string): string =>
      text.replaceAll(/here|there/g, (side) => (side === 'here' ? 'there' : 'here'));
    for (const [states] of TABLE) {
      const [was = '', here = '', there = ''] = states.split(' ');
      const [one = ''] = decided([`p: ${[was, here, there].join(' ')}`]);
      const [other = ''] = decided([`p: ${[was, there, here].join(' ')}`]);
      const isAction = /(copy|delete) (here|there)$/;
      if (isAction.test(one)) expect(other).toBe(swap(one));
      else expect(isAction.test(other)).toBe(false);
    }
  });
});

describe('folders and what is in them', () => {
  const CASES: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ['a folder goes with all that is in it', ['d: / - /', 'd/f: 1 - 1'], ['d/f: delete there', 'd: delete there']],
    [
      'a folder that was deleted comes back for what is new in it',
      ['d: / - /', 'd/f: 1 - 1', 'd/new: - - 2'],
      ['d/f: delete there', 'd/new: copy here', 'd: copy here'],
    ],
    [
      'and stays for what changed in it, without coming back',
      ['d: / - /', 'd/f: 1 - 2'],
      ['d/f: deleted here, changed there'],
    ],
    [
      'also far below',
      ['d: / - /', 'd/e: / - /', 'd/e/f: 1 - 1', 'd/e/new: - - 1'],
      ['d/e/f: delete there', 'd/e/new: copy here', 'd/e: copy here', 'd: copy here'],
    ],
    [
      'a file takes the place of a folder when everything in it goes',
      ['d: / 1 /', 'd/f: 1 - 1'],
      ['d/f: delete there', 'd: copy there'],
    ],
    [
      'but not of what changed in it',
      ['d: / 1 /', 'd/f: 1 - 2'],
      ['d/f: deleted here, changed there', 'd: a folder with changes there, something else here'],
    ],
    [
      'nor of what is new in it',
      ['d: / 1 /', 'd/f: 1 - 1', 'd/new: - - 1'],
      ['d/f: delete there', 'd: a folder with changes there, something else here'],
    ],
    ['a folder takes the place of a file', ['d: 1 / 1', 'd/f: - 2 -'], ['d/f: copy there', 'd: copy there']],
    [
      'but not of one that changed, and nothing is put below it',
      ['d: 1 / 2', 'd/f: - 2 -', 'd/e: - / -', 'd/e/f: - 1 -'],
      ['d: a folder here, a file there'],
    ],
    ['nothing is put through a link', ['d: - / @/etc', 'd/passwd: - 1 -'], ['d: a folder here, a link there']],
  ];

  test.each(CASES)('%s', (_, lines, expected) => {
    expect(decided(lines)).toEqual(expected.toSorted());
  });

  test('with --prefer a file wins over a folder that changed, except over what nobody here knew', () => {
    expect(decided(['d: / 1 /', 'd/f: 1 - 2'], 'here')).toEqual(['d/f: delete there', 'd: copy there']);
    expect(decided(['d: / 1 /', 'd/new: - - 2'], 'here')).toEqual([
      'd: a folder with changes there, something else here',
    ]);
  });
});

test('content is asked for only where nothing else decides', () => {
  const lines = ['a: 1 2 3', 'b: 1 1 2', 'c: - 1 1', 'd: - 1 -', 'e: - / /', 'f: - 1 @a', 'g: 1 1 1'];
  expect(pathsToHash(stateOf(lines))).toEqual(['a', 'c']);
  const state = stateOf(['a: - 1 1']);
  const larger: State = {
    ...state,
    there: new Map([['a', { kind: 'file', size: 2, time: '1', isExecutable: false }]]),
  };
  expect(pathsToHash(larger)).toEqual([]);
});
