import schema from './hosts.schema.json' with { type: 'json' };
import { baseOf, type Expanded } from './like.ts';
import { type Mistake, TEXT_CODES } from './mistake.ts';
import { pointerOf } from './unusable.ts';

/** Where in a profile a mistake is, or null when it is in none. */
function inProfile({ path }: Mistake<string>): { name: string; rest: string } | null {
  const [top, name, ...rest] = path;
  return top === 'profiles' && typeof name === 'string' ? { name, rest: pointerOf(rest) } : null;
}

/** A key that is missing, or a rule between keys of which one may be missing. */
function isLack({ code }: Mistake<string>): boolean {
  return code === 'KEY_MISSING' || !Object.hasOwn(TEXT_CODES, code);
}

/** Of so many required keys that a profile lacks, it is a part of one: whoever wrote it forgot `like`. */
const FEW = 3;

function isFragment(profile: unknown): boolean {
  if (typeof profile !== 'object' || profile === null || baseOf(profile) !== undefined) return false;
  return schema.$defs.profile.required.filter((key) => !Object.hasOwn(profile, key)).length >= FEW;
}

/** Decides which mistakes are only what another brings with it. */
class Consequences {
  readonly #profiles: Readonly<Record<string, unknown>> | undefined;
  readonly #expanded: Expanded;
  readonly #told: ReadonlyMap<string, Mistake<string>>;
  readonly #wrong: ReadonlySet<string>;

  constructor(mistakes: readonly Mistake<string>[], expanded: Expanded) {
    const { profiles } = expanded.document.value as { profiles?: Readonly<Record<string, unknown>> };
    const found = mistakes.flatMap((mistake) => {
      const at = inProfile(mistake);
      return at === null ? [] : [{ ...at, mistake }];
    });
    this.#profiles = profiles;
    this.#expanded = expanded;
    this.#told = new Map(found.map(({ name, rest, mistake }) => [this.#key(name, rest, mistake), mistake]));
    this.#wrong = new Set(found.map(({ name }) => name));
  }

  #key(name: string, rest: string, { code }: Mistake<string>): string {
    return JSON.stringify([name, rest, code]);
  }

  /** What a profile is like, and what that is like, as far as it goes. */
  *#bases(name: string): Generator<string> {
    const seen = new Set<string>();
    for (let at = this.#base(name); at !== null && !seen.has(at); at = this.#base(at)) {
      seen.add(at);
      yield at;
    }
  }

  #base(name: string): string | null {
    const base = baseOf(this.#profiles?.[name]);
    return typeof base === 'string' ? base : null;
  }

  has(mistake: Mistake<string>): boolean {
    const at = inProfile(mistake);
    if (at === null) return false;
    const { name, rest } = at;
    if (this.#expanded.partial.has(name)) return isLack(mistake);
    if (mistake.code === 'KEY_MISSING' && rest !== '' && isFragment(this.#profiles?.[name])) return true;
    const isInherited = this.#expanded.origins.has(pointerOf(mistake.path));
    for (const base of this.#bases(name)) {
      if (this.#wrong.has(base) && (isInherited || mistake.code === 'KEY_MISSING')) return true;
      const same = this.#told.get(this.#key(base, rest, mistake));
      if (same?.words().reason === mistake.words().reason) return true;
    }
    return false;
  }
}

/**
 * A mistake of a profile that others are like is one mistake, where it stands, and not one more in each of them. Where
 * it is not known what a profile is like, that is the mistake, and nothing that it therefore lacks.
 */
export function toldOnce(mistakes: readonly Mistake<string>[], expanded: Expanded): Mistake<string>[] {
  const consequences = new Consequences(mistakes, expanded);
  return [...expanded.mistakes, ...mistakes.filter((mistake) => !consequences.has(mistake))];
}
