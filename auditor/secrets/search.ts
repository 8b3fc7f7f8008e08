import { LiteralSearch } from './literals.ts';
import { OWN_RULES } from './own-rules.ts';
import { packageRules } from './package-rules.ts';
import type { Rule } from './rule.ts';

/** From the beginning of what was searched, in bytes. */
export type Found = { readonly rule: string; readonly offset: number };

/** Where content comes from, by range. */
export type Content = {
  readonly bytes: number;
  /** Of a file; null for what is in none. */
  readonly path: string | null;
  /** Fills `target` from `from` on. */
  fill(target: Buffer, from: number): void;
};

const CHUNK = 1024 * 1024;
/** What a rule may have to see before a literal that it goes by. */
const BEFORE = 512;
/** What it may have to see behind one. */
const BEHIND = Math.max(...[...OWN_RULES, ...packageRules()].map(({ reach }) => reach));
/** A name and what stands between it and its value. */
const LONGEST_NAME = 64;
/** A secret that is found twice in so many bytes is one. */
const PLACE = 4096;

/** With the offsets of the bytes. What is no text makes no letter: rules look whether one stands before a token. */
function asText(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/[\x80-\xff]/g, '\x01');
}

type Range = { from: number; to: number };

/** Ranges in order, with those that touch made one. */
class Ranges {
  readonly all: Range[] = [];

  add(from: number, to: number): void {
    const last = this.all.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else this.all.push({ from, to });
  }
}

/** Whether a rule before has told of it: at the same place, or of what a name is given. */
function isKnown(places: ReadonlySet<number>, place: number, { inFilesOnly }: Rule): boolean {
  for (let at = place; at <= (inFilesOnly ? place + LONGEST_NAME : place); at += 1) if (places.has(at)) return true;
  return false;
}

/** Searches content of any length for secrets. */
export class SecretSearch {
  readonly #rules: readonly Rule[] = [...packageRules(), ...OWN_RULES];
  readonly #ofLiteral: readonly Rule[];
  readonly #literals: LiteralSearch;
  readonly #buffer = Buffer.alloc(BEFORE + CHUNK + BEHIND);

  constructor() {
    const literals = this.#rules.flatMap((rule) => rule.literals.map((literal) => ({ literal, rule })));
    this.#ofLiteral = literals.map(({ rule }) => rule);
    this.#literals = new LiteralSearch(literals.map(({ literal }) => literal));
  }

  /** One for each rule and place. Of the package's rules and our own for the same thing the package's is told. */
  search(content: Content): readonly Found[] {
    const found = new Map<string, Found>();
    for (let from = 0; from < content.bytes; from += CHUNK) {
      const begin = Math.max(from - BEFORE, 0);
      const chunk = this.#buffer.subarray(0, Math.min(from + CHUNK + BEHIND, content.bytes) - begin);
      content.fill(chunk, begin);
      const own = { from: from - begin, to: from - begin + CHUNK };
      for (const each of this.#searchChunk(chunk, own, content.path)) {
        const offset = begin + each.offset;
        const key = `${each.rule} ${Math.floor(offset / PLACE)}`;
        if (!found.has(key)) found.set(key, { rule: each.rule, offset });
      }
    }
    return [...found.values()].toSorted((a, b) => a.offset - b.offset);
  }

  /** @param own where literals are this chunk's; those around are another's */
  #searchChunk(chunk: Buffer, own: Range, path: string | null): Found[] {
    const ranges = new Map<Rule, Ranges>();
    this.#literals.search(chunk, (literal, at) => {
      const rule = this.#ofLiteral[literal];
      if (rule === undefined || at < own.from || at >= own.to || (rule.inFilesOnly && path === null)) return;
      const known = ranges.get(rule) ?? new Ranges();
      known.add(Math.max(at - BEFORE, 0), Math.min(at + rule.reach, chunk.length));
      ranges.set(rule, known);
    });
    const found: Found[] = [];
    const places = new Set<number>();
    for (const rule of this.#rules) {
      for (const { from, to } of ranges.get(rule)?.all ?? []) {
        const text = asText(chunk.subarray(from, to));
        for (const at of rule.find(text, path)) {
          const place = from + at;
          if (isKnown(places, place, rule)) continue;
          places.add(place);
          found.push({ rule: rule.id, offset: place });
        }
      }
    }
    return found;
  }
}

/** Content that is in memory. */
export function contentOf(bytes: Buffer, path: string | null): Content {
  return { bytes: bytes.length, path, fill: (target, from) => void bytes.copy(target, 0, from) };
}
