import { didYouMean, nearest } from '../io/nearest.ts';
import { offsetOf, type SourceDocument } from './document.ts';
import schema from './hosts.schema.json' with { type: 'json' };
import type { Mistake } from './mistake.ts';
import { pointerOf } from './unusable.ts';

type Path = readonly (string | number)[];
type Mapping = Readonly<Record<string, unknown>>;
type KeySchema = { readonly required?: readonly string[]; readonly properties?: Readonly<Record<string, KeySchema>> };

const NAME = new RegExp(schema.properties.profiles.propertyNames.pattern, 'u');

/**
 * Keys of which a mapping has one, with what belongs to it: who names one does not take over the other. By the name of
 * the mapping that they stand in; the profile itself has none.
 */
const EITHER: Readonly<Record<string, readonly (readonly string[])[]>> = {
  '': [['instanceType'], ['instanceTypes']],
  workload: [['repository', 'ref', 'submoduleRefs', 'credential'], ['folder']],
  credential: [['secret'], ['parameter']],
};

/** The keys of a base that a mapping puts something else in the place of. */
function replacedBy(own: Mapping, within: string): ReadonlySet<string> {
  const sides = EITHER[within] ?? [];
  const named = sides.filter(([first = '']) => Object.hasOwn(own, first) && own[first] !== null);
  return new Set(named.length === 1 ? sides.filter((side) => side !== named[0]).flat() : []);
}

/** As many values as aliases may come to: a profile that is taken over again and again is bounded as well. */
const MOST_INHERITED = 100_000;

export type Expanded = {
  /** With every profile whole, and each value placed where it is written: in the profile itself, or in its base. */
  readonly document: SourceDocument;
  readonly mistakes: readonly Mistake[];
  /** Of a value that a profile has from another: that other profile, by the pointer of the value. */
  readonly origins: ReadonlyMap<string, string>;
  /** Profiles of which only a part is known, because what they are like is not. */
  readonly partial: ReadonlySet<string>;
};

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What a profile says that it is like; undefined when it stands by itself. */
export function baseOf(profile: unknown): unknown {
  return isMapping(profile) && Object.hasOwn(profile, 'like') ? profile['like'] : undefined;
}

/** `like`, misspelt: what the profile lacks it would have from there. */
function isLikeMisspelt(profile: Mapping): boolean {
  const known = Object.keys(schema.$defs.profile.properties);
  return Object.keys(profile).some((key) => !known.includes(key) && nearest(key, known) === 'like');
}

/**
 * Makes profiles whole that say `like: OTHER`: mappings are joined key by key, lists and single values replaced, and
 * nothing (null) takes a key away that may be left out. One profile after the other, each after its base.
 */
class Expansion {
  readonly #document: SourceDocument;
  readonly #written: Mapping;
  readonly #places: Map<string, NonNullable<ReturnType<SourceDocument['places']['get']>>>;
  readonly #whole = new Map<string, unknown>();
  readonly #open: string[] = [];
  readonly mistakes: Mistake[] = [];
  readonly origins = new Map<string, string>();
  readonly partial = new Set<string>();
  #inherited = 0;

  constructor(document: SourceDocument, written: Mapping) {
    this.#document = document;
    this.#written = written;
    this.#places = new Map(document.places);
  }

  document(): SourceDocument {
    const profiles = Object.fromEntries(Object.keys(this.#written).map((name) => [name, this.#profile(name)]));
    const value = Object.fromEntries(
      Object.entries(this.#document.value as Mapping).map(([key, each]) => [key, key === 'profiles' ? profiles : each]),
    );
    return { ...this.#document, value, places: this.#places };
  }

  #profile(name: string): unknown {
    if (!this.#whole.has(name)) this.#whole.set(name, this.#expand(name));
    return this.#whole.get(name);
  }

  #expand(name: string): unknown {
    const own = this.#written[name];
    const base = baseOf(own);
    if (!isMapping(own)) return own;
    if (base === undefined) {
      if (isLikeMisspelt(own)) this.partial.add(name);
      return own;
    }
    // A base that is no text is told by the schema.
    const isKnown = typeof base === 'string' && this.#isBase(name, base);
    if (!isKnown) {
      this.partial.add(name);
      return own;
    }
    this.#open.push(name);
    const whole = this.#profile(base);
    this.#open.pop();
    if (this.partial.has(base) || !isMapping(whole)) {
      this.partial.add(name);
      return own;
    }
    return this.#join(whole, own, { base, name, path: [] }, schema.$defs.profile as KeySchema);
  }

  #isBase(name: string, base: string): boolean {
    const path = ['profiles', name, 'like'];
    const circle = [...this.#open, name];
    if (circle.includes(base)) {
      const way = [...circle.slice(circle.indexOf(base)), base].join(' -> ');
      this.#mistake(
        path,
        'LIKE_CIRCLE',
        `the profile is like itself: ${way}`,
        'name a profile that is whole by itself',
      );
      return false;
    }
    if (Object.hasOwn(this.#written, base)) return true;
    const known = Object.keys(this.#written).filter((each) => each !== name);
    // A profile whose name is refused: that is the mistake.
    const close = nearest(base, known);
    if (close !== null && !NAME.test(close)) return false;
    this.#mistake(path, 'LIKE_UNKNOWN', `there is no profile ${base}`, didYouMean(base, known));
    return false;
  }

  #mistake(path: Path, code: Mistake['code'], reason: string, hint: string): void {
    const offset = offsetOf(this.#document, path, 'value');
    this.mistakes.push({ offset, path, code, words: () => ({ reason, hint }) });
  }

  #join(base: Mapping, own: Mapping, at: At, known: KeySchema | undefined): Mapping {
    // In the order of the base, so that whoever is shown the whole finds his way.
    const names = new Set(['like', ...Object.keys(base), ...Object.keys(own)]);
    const replaced = replacedBy(own, String(at.path.at(-1) ?? ''));
    const entries = [...names].flatMap((key): [string, unknown][] => {
      const below = { ...at, path: [...at.path, key] };
      const before = Object.hasOwn(base, key) ? base[key] : undefined;
      if (Object.hasOwn(own, key)) return this.#change(key, before, own[key], below, known);
      // What the base is like itself is no key of this one.
      if (before === undefined || replaced.has(key) || (at.path.length === 0 && key === 'like')) return [];
      this.#inherit(before, below);
      return [[key, before]];
    });
    return Object.fromEntries(entries);
  }

  #change(key: string, before: unknown, value: unknown, at: At, known: KeySchema | undefined): [string, unknown][] {
    if (isMapping(value) && isMapping(before)) return [[key, this.#join(before, value, at, known?.properties?.[key])]];
    const isLeftOut = value === null && before !== undefined && known?.required?.includes(key) !== true;
    return isLeftOut ? [] : [[key, value]];
  }

  /** Places a value of the base, and all in it, in the profile that has taken it over. */
  #inherit(value: unknown, { base, name, path }: At): void {
    this.#inherited += 1;
    if (this.#inherited > MOST_INHERITED) throw new TooMuch();
    const from = pointerOf(['profiles', base, ...path]);
    const to = pointerOf(['profiles', name, ...path]);
    const place = this.#places.get(from);
    if (place) this.#places.set(to, place);
    this.origins.set(to, this.origins.get(from) ?? base);
    if (typeof value !== 'object' || value === null) return;
    for (const [key, each] of Object.entries(value))
      this.#inherit(each, { base, name, path: [...path, Array.isArray(value) ? Number(key) : key] });
  }
}

type At = { readonly base: string; readonly name: string; readonly path: Path };

class TooMuch extends Error {}

function tooMuch(document: SourceDocument): Mistake {
  const reason = `the profiles take over more than ${MOST_INHERITED} values of one another`;
  return {
    offset: offsetOf(document, ['profiles'], 'key'),
    path: ['profiles'],
    code: 'NESTED_TOO_DEEP',
    words: () => ({ reason, hint: 'use fewer profiles, or smaller ones' }),
  };
}

/** Pure. What has no profiles, or none that is like another, comes back as it is. */
export function expandLike(document: SourceDocument): Expanded {
  const asItIs = { document, mistakes: [], origins: new Map<string, string>(), partial: new Set<string>() };
  const profiles = isMapping(document.value) ? document.value['profiles'] : undefined;
  if (!isMapping(profiles)) return asItIs;
  const expansion = new Expansion(document, profiles);
  try {
    const whole = expansion.document();
    const { mistakes, origins, partial } = expansion;
    return { document: whole, mistakes, origins, partial };
  } catch (error) {
    if (!(error instanceof TooMuch)) throw error;
    return { ...asItIs, mistakes: [tooMuch(document)], partial: new Set(Object.keys(profiles)) };
  }
}
