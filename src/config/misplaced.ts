import { nearest } from '../io/nearest.ts';
import schema from './hosts.schema.json' with { type: 'json' };
import type { Mistake } from './mistake.ts';
import { pointerOf } from './unusable.ts';

type Path = readonly (string | number)[];
type Properties = Readonly<Record<string, { readonly properties?: Properties }>>;

/** A key that does not belong where it stands. */
export type Stray = { readonly path: Path; readonly name: string; readonly known: readonly string[] };

/** Keys that are missing from one mapping. */
export type Gap = {
  readonly path: Path;
  names: string[];
  /** Keys that may stand in place of a missing one, by name. */
  readonly instead: ReadonlyMap<string, string>;
};

/** A mapping that has a key of another kind, and lacks more of its own than these, is of that other kind. */
const MOST_LACKING = 3;

/** By key: the keys that it may stand below. */
function ownersIn(properties: Properties, owner: string): [string, string][] {
  return Object.entries(properties).flatMap(([name, { properties: inside }]) => [
    [name, owner] as [string, string],
    ...(inside ? ownersIn(inside, name) : []),
  ]);
}

const OWNERS = Map.groupBy(
  [
    ...ownersIn(schema.$defs.profile.properties as Properties, 'a profile'),
    ...ownersIn(schema.$defs.region.properties as Properties, 'a region'),
  ],
  ([name]) => name,
);

/** The mapping around a stray, or one right below it, that lacks this very key. */
function gapFor({ path, name }: Stray, gaps: Iterable<Gap>): Gap | null {
  const here = pointerOf(path);
  for (const gap of gaps) {
    if (!gap.names.includes(gap.instead.get(name) ?? name)) continue;
    if (pointerOf(gap.path.slice(0, -1)) === here || pointerOf(path.slice(0, -1)) === pointerOf(gap.path)) return gap;
  }
  return null;
}

function ownerOf({ name, known }: Stray): string | null {
  const owners = (OWNERS.get(name) ?? []).map(([, owner]) => owner);
  const sibling = owners.find((owner) => known.includes(owner));
  return sibling ?? (nearest(name, known) === null ? (owners[0] ?? null) : null);
}

/**
 * Finds keys that only stand too far left or right, and a header line that is missing: each is one mistake, where the
 * schema sees one for every key, and another where they are missing. Changes `mistakes`, `gaps` and `refused`.
 */
export function joinMisplaced(
  strays: readonly Stray[],
  mistakes: Map<string, Mistake>,
  gaps: Map<string, Gap>,
  refused: Set<string>,
): void {
  const groups = new Map<string, { owner: string; strays: Stray[] }>();
  const retell = (stray: Stray, reason: string, hint: string): void => {
    const pointer = pointerOf([...stray.path, stray.name]);
    const mistake = mistakes.get(pointer);
    if (mistake) mistakes.set(pointer, { ...mistake, code: 'KEY_MISPLACED', words: () => ({ reason, hint }) });
  };
  for (const stray of strays) {
    const gap = gapFor(stray, gaps.values());
    if (gap) {
      gap.names = gap.names.filter((name) => name !== (gap.instead.get(stray.name) ?? stray.name));
      const isBelow = gap.path.length > stray.path.length;
      const hint = isBelow ? `indent it below ${gap.path.at(-1)}` : `indent it as far as ${stray.path.at(-1)}`;
      retell(stray, 'this key stands in the wrong place', hint);
      continue;
    }
    const owner = ownerOf(stray);
    if (owner === null) continue;
    const group = pointerOf([...stray.path, owner]);
    const { strays: members } = groups.get(group) ?? { strays: [] };
    groups.set(group, { owner, strays: [...members, stray] });
    if (stray.known.includes(owner)) refused.add(pointerOf([...stray.path, owner, stray.name]));
  }
  for (const {
    owner,
    strays: [first, ...others],
  } of groups.values()) {
    if (!first) continue;
    // Where the key above them is a stray, too, that is the mistake.
    if (strays.some(({ path, name }) => name === owner && pointerOf(path) === pointerOf(first.path))) {
      for (const { path, name } of [first, ...others]) mistakes.delete(pointerOf([...path, name]));
      continue;
    }
    for (const { path, name } of others) mistakes.delete(pointerOf([...path, name]));
    const names = [first, ...others].map(({ name }) => name).join(', ');
    const hint = owner.startsWith('a ')
      ? 'is the line above with its name missing, or the indentation wrong?'
      : `write ${owner}: above, and indent what belongs below it`;
    retell(first, `${names}: this belongs into ${owner}, not here`, hint);
    // A mapping of another kind lacks everything.
    const here = pointerOf(first.path);
    if (others.length > 0 || (gaps.get(here)?.names.length ?? 0) > MOST_LACKING) gaps.delete(here);
  }
}
