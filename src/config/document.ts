import { isAlias, isMap, isPair, isScalar, isSeq, type Node, type Pair, parseDocument, type YAMLError } from 'yaml';
import { printable } from '#contracts/printable.ts';
import { checkCharacters } from './characters.ts';
import type { Lines } from './lines.ts';
import type { Mistake, TextCode } from './mistake.ts';
import { syntaxWords } from './syntax.ts';
import { pointerOf } from './unusable.ts';

const DEEPEST = 50;
const MOST_VALUES = 100_000;
const LONGEST_TEXT = 2000;
/** What makes the parser work; a profile has about seventy. */
const MARK = /[\n[\]{},:&*!?"']/g;
const MOST_MARKS = 50_000;
/** The schema's time grows with the square of the keys of one mapping. */
const MOST_KEYS = 2000;
/** The library looks for the anchor of each alias in the whole document. */
const MOST_ALIASES = 1000;

type Path = readonly (string | number)[];
type Place = { readonly key: number; readonly value: number; readonly end: number };

/** A file that is YAML: its value, and where in the text each part of it stands. */
export type SourceDocument = {
  readonly text: string;
  readonly value: unknown;
  /** By JSON pointer. What an alias stands for has its place at the anchor only. */
  readonly places: ReadonlyMap<string, Place>;
};

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}

/** Walks the nodes of a document once: what is wrong with its keys, aliases and sizes, and where everything stands. */
class Walk {
  readonly mistakes: Mistake[] = [];
  readonly places = new Map<string, Place>();
  readonly #lines: Lines;
  /** Anchors so far: how many values an alias to it adds, or null while it is still open. */
  readonly #anchors = new Map<string, number | null>();
  #aliases = 0;
  readonly #mergeable = new Set<string>();

  constructor(lines: Lines) {
    this.#lines = lines;
  }

  #mistake(offset: number, path: Path, code: TextCode, reason: string, hint: string): void {
    this.mistakes.push({ offset, path, code, words: () => ({ reason, hint }) });
  }

  /** Visits a node; how many values it is with its aliases followed. */
  visit(node: unknown, path: Path, keyOffset: number): number {
    const anchor = (node as { anchor?: string } | null)?.anchor;
    if (anchor !== undefined) this.#anchors.set(anchor, null);
    const [start = keyOffset, end = keyOffset] = (node as Node | null)?.range ?? [];
    // A nested mapping "begins" at its own key: that is where a reader looks.
    const value = isMap(node) || isSeq(node) ? keyOffset : start;
    this.places.set(pointerOf(path), { key: keyOffset, value, end });
    const count = path.length > DEEPEST ? this.#tooDeep(start) : this.#inside(node, path, start);
    if (anchor !== undefined) {
      this.#anchors.set(anchor, count);
      if (isMap(node)) this.#mergeable.add(anchor);
    }
    return count;
  }

  #tooDeep(offset: number): number {
    this.#mistake(offset, [], 'NESTED_TOO_DEEP', `more than ${DEEPEST} levels are nested here`, 'close some brackets');
    return 1;
  }

  #inside(node: unknown, path: Path, start: number): number {
    if (isMap(node)) return this.#map(node.items, path, start);
    if (isSeq(node)) {
      return node.items.reduce<number>(
        (sum, item, index) => sum + this.visit(item, [...path, index], startOf(item) ?? start),
        1,
      );
    }
    if (isAlias(node)) return this.#alias(node.source, path, start);
    if (isScalar(node) && typeof node.value === 'string' && node.value.length > LONGEST_TEXT) {
      const reason = `a text of ${node.value.length} characters is too long for anything in this file`;
      this.#mistake(start, path, 'VALUE_RANGE', reason, `at most ${LONGEST_TEXT}; is a quote not closed?`);
    }
    return 1;
  }

  #alias(name: string, path: Path, offset: number): number {
    this.#aliases += 1;
    if (this.#aliases === MOST_ALIASES + 1) {
      const reason = `more than ${MOST_ALIASES} aliases stand in this file`;
      this.#mistake(offset, path, 'FILE_TOO_LARGE', reason, 'write out what is meant');
    }
    const count = this.#anchors.get(name);
    const shown = printable(name, 60);
    if (count === undefined) {
      const hint = `write &${shown} before the value that is meant; text that begins with * needs quotes`;
      this.#mistake(offset, path, 'ALIAS_UNKNOWN', `there is no anchor &${shown} above this alias`, hint);
    } else if (count === null) {
      const reason = `the alias *${shown} stands inside of what it stands for`;
      this.#mistake(offset, path, 'ALIAS_UNKNOWN', reason, 'write the value out');
    }
    return count ?? 1;
  }

  #map(pairs: readonly Pair[], path: Path, start: number): number {
    const first = new Map<string, number>();
    const twice: { name: string; before: number; offset: number }[] = [];
    let count = 1;
    if (pairs.length > MOST_KEYS) {
      const reason = `${pairs.length} keys stand in one mapping`;
      this.#mistake(start, path, 'FILE_TOO_LARGE', reason, `at most ${MOST_KEYS}`);
    }
    for (const pair of pairs) {
      if (!isPair(pair)) continue;
      const offset = startOf(pair.key) ?? start;
      const name = this.#keyOf(pair.key, path, offset);
      if (name === null) continue;
      const before = first.get(name);
      if (before === undefined) first.set(name, offset);
      else twice.push({ name, before, offset });
      if (name === '<<') this.#merge(pair.value, path, offset);
      count += this.visit(pair.value, [...path, name], offset);
    }
    this.#twice(twice, path);
    return count;
  }

  /** Several keys that repeat have one cause: the line with the name above them is gone. */
  #twice(found: readonly { name: string; before: number; offset: number }[], path: Path): void {
    const [key, ...others] = found;
    if (!key) return;
    const { line } = this.#lines.at(key.before);
    const names = found.map(({ name }) => printable(name, 60)).join(', ');
    const reason =
      others.length === 0
        ? `the key ${names} stands twice in this mapping, first in line ${line}`
        : `the keys ${names} stand twice in this mapping, the first of them in line ${line}`;
    const hint = others.length === 0 ? 'remove one of the two' : 'is a line with a name missing above them?';
    this.#mistake(key.offset, path, 'KEY_TWICE', reason, hint);
  }

  #keyOf(key: unknown, path: Path, offset: number): string | null {
    const value = isScalar(key) ? key.value : undefined;
    if (value === null || value === '' || key === null) {
      this.#mistake(offset, path, 'KEY_NOT_TEXT', 'a colon without a key before it', 'write the key before the colon');
      return null;
    }
    if (value === undefined) {
      const hint = 'a key is plain text; text with { or [ in it needs quotes';
      this.#mistake(offset, path, 'KEY_NOT_TEXT', 'a list, mapping or alias stands where a key is expected', hint);
      return null;
    }
    // The library's merge key is a symbol.
    const name = typeof value === 'symbol' ? '<<' : String(value);
    if (name.length <= LONGEST_TEXT) return name;
    const hint = 'is a quote or colon missing?';
    this.#mistake(offset, path, 'VALUE_RANGE', `a key of ${name.length} characters is too long`, hint);
    return null;
  }

  /** `<<: *other` takes over the keys of another mapping. */
  #merge(value: unknown, path: Path, offset: number): void {
    const sources = isSeq(value) ? value.items : [value];
    // An alias without an anchor, or into itself, is told where it is visited.
    const isGood = (each: unknown): boolean =>
      isMap(each) || (isAlias(each) && (this.#mergeable.has(each.source) || !this.#anchors.get(each.source)));
    if (sources.every(isGood)) return;
    this.#mistake(
      offset,
      path,
      'VALUE_TYPE',
      '<< takes over the keys of a mapping, and this is none',
      'write <<: *NAME',
    );
  }
}

function syntaxMistakes(errors: readonly YAMLError[], text: string): Mistake[] {
  // Behind the first the parser only guesses.
  const error = errors.find(
    ({ code, pos }) => code !== 'MULTIPLE_DOCS' || !/^---\s*(#.*)?\s*$/.test(text.slice(pos[0])),
  );
  return error ? [{ offset: error.pos[0], path: [], code: 'YAML_SYNTAX', words: () => syntaxWords(error, text) }] : [];
}

function wrongText(offset: number, code: TextCode, reason: string, hint: string): Mistake {
  return {
    offset,
    path: [],
    code,
    words: () => ({ reason, hint }),
  };
}

/** Brackets or dashes that would drive the parser, which calls itself for each level, to its end. */
function tooDeepAt(text: string): number | null {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '[' || character === '{') depth += 1;
    else if (character === ']' || character === '}') depth = Math.max(0, depth - 1);
    if (depth > 2 * DEEPEST) return at;
  }
  const line = /^[ ?-]{400}/m.exec(text);
  return line ? line.index : null;
}

/**
 * YAML to a value and its places, or what is wrong with the text. Duplicate keys, aliases and depth are looked at here
 * and not by the library, which neither says where the first of two keys stands nor counts what aliases add.
 */
export function readDocument(text: string, lines: Lines): SourceDocument | { readonly mistakes: Mistake[] } {
  const characters = checkCharacters(text);
  if (characters.length > 0) return { mistakes: characters };
  const directive = /^(?:[ \t]*(?:#[^\n]*)?\r?\n)*%/.exec(text);
  const deep = tooDeepAt(text);
  const marks = text.match(MARK)?.length ?? 0;
  if (directive) {
    const reason = 'a directive (%) is not used in this file';
    return { mistakes: [wrongText(directive[0].length - 1, 'YAML_SYNTAX', reason, 'remove the line')] };
  }
  if (deep !== null) {
    const reason = `more than ${DEEPEST} levels are nested here`;
    return { mistakes: [wrongText(deep, 'NESTED_TOO_DEEP', reason, 'close some brackets')] };
  }
  if (marks > MOST_MARKS) {
    const reason = `the file has ${marks} lines, brackets, colons and commas, far more than a hosts.yaml needs`;
    return { mistakes: [wrongText(0, 'FILE_TOO_LARGE', reason, `at most ${MOST_MARKS}; is this the right file?`)] };
  }
  const options = {
    uniqueKeys: false,
    prettyErrors: false,
    merge: true,
  } as const;
  const document = parseDocument(text, options);
  const syntax = syntaxMistakes([...document.errors, ...document.warnings], text);
  if (syntax.length > 0) return { mistakes: syntax };
  const walk = new Walk(lines);
  const count = walk.visit(document.contents, [], 0);
  if (walk.mistakes.length > 0) return { mistakes: walk.mistakes };
  if (count > MOST_VALUES) {
    const reason = `the file has ${count} values once its aliases are followed`;
    return { mistakes: [wrongText(0, 'NESTED_TOO_DEEP', reason, 'write out what is meant, or use fewer aliases')] };
  }
  const value: unknown = document.toJS({ maxAliasCount: -1 });
  if (value === null || value === undefined) {
    const hint = 'begin with a copy of the hosts.yaml that the project ships';
    return { mistakes: [wrongText(0, 'FILE_EMPTY', 'the file is empty', hint)] };
  }
  return { text, value, places: walk.places };
}

/** Where a path stands; what comes in through an alias or is missing stands where the nearest part around it does. */
export function offsetOf({ places }: SourceDocument, path: Path, at: 'key' | 'value'): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const place = places.get(pointerOf(path.slice(0, length)));
    if (place) return length === path.length && at === 'value' ? place.value : place.key;
  }
  return 0;
}

/** A value as its author wrote it, short and on one line. */
export function shown(document: SourceDocument, path: Path, value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  const place = document.places.get(pointerOf(path));
  const source = place ? document.text.slice(place.value, place.end) : '';
  // An alias, or text over several lines, is shown as what it stands for.
  const text = source === '' || /^[*&!|>]|\n/.test(source) ? JSON.stringify(value) : source;
  return printable(text, 80);
}
