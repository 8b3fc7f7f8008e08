import { userError } from '../../io/errors.ts';
import type { SpanHandle } from '../../io/reporter.ts';
import { type Action, type Base, type Decisions, decide, pathsToHash, type State } from './compare.ts';
import {
  type BytePath,
  type Entry,
  foldersAbove,
  isCopyOf,
  isSameEntry,
  type Listing,
  otherSide,
  type SideName,
  shownPath,
} from './entry.ts';
import { isWorkTree, Rules } from './rules.ts';
import type { Side } from './side.ts';
import { carry, type Way } from './transfer.ts';

export type Sides = Readonly<Record<SideName, Side>>;

export type Round = {
  readonly sides: Sides;
  readonly way: Way;
  readonly base: Base;
  readonly prefer: SideName | null;
  readonly isDry: boolean;
  readonly signal: AbortSignal;
  readonly progress: SpanHandle['progress'];
  /** Folders that git ignored the last time: they are not looked into. */
  readonly pruned: Set<BytePath>;
};

export type Outcome = {
  readonly base: Base;
  readonly done: ReadonlyMap<BytePath, Action>;
  readonly failed: readonly BytePath[];
  readonly complaint: string;
  readonly conflicts: ReadonlyMap<BytePath, string>;
  /** Versions that came while they were replaced: where they are kept. */
  readonly lost: readonly { readonly side: SideName; readonly path: BytePath }[];
  readonly leftOut: readonly BytePath[];
  readonly isWorkTree: boolean;
};

type Looked = { readonly state: State; readonly leftOut: readonly BytePath[]; readonly isWorkTree: boolean };

function unreadable(side: Side, paths: readonly BytePath[]): Error {
  return userError(
    'SYNC_UNREADABLE',
    `${paths.length === 1 ? 'A folder' : `${paths.length} folders`} cannot be read ${side.name}: ${paths.slice(0, 5).map(shownPath).join(', ')}.`,
    'let git ignore what is not yours to sync, or change who may read it',
  );
}

/** Both sides as far as they are synced. What git ignores is not looked into again, until its rules say otherwise. */
async function look({ sides, base, pruned }: Round): Promise<Looked> {
  const inTree = await isWorkTree(sides.here.root);
  for (;;) {
    const [here, there] = await Promise.all([sides.here.list(pruned), sides.there.list(pruned)]);
    const gitFolders = here.pruned.filter((path) => path === '.git' || path.endsWith('/.git'));
    const rules = inTree ? await Rules.read(sides.here.root, here.entries, gitFolders) : null;
    const sift = async (side: Side, seen: typeof here): Promise<{ kept: Listing; ignored: ReadonlySet<BytePath> }> => {
      const withPruned = new Map(seen.entries);
      for (const path of seen.pruned) if (pruned.has(path)) withPruned.set(path, { kind: 'folder' });
      const sifted = rules === null ? { kept: withPruned, ignored: new Set<BytePath>() } : await rules.sift(withPruned);
      const isOurs = (path: BytePath): boolean =>
        ![path, ...foldersAbove(path)].some((each) => sifted.ignored.has(each));
      const closed = seen.unreadable.filter(isOurs);
      if (closed.length > 0) throw unreadable(side, closed);
      return sifted;
    };
    const [siftedHere, siftedThere] = await Promise.all([sift(sides.here, here), sift(sides.there, there)]);
    const ignored = new Set([...siftedHere.ignored, ...siftedThere.ignored]);
    const isStale = [...pruned].some((path) => siftedHere.kept.has(path) || siftedThere.kept.has(path));
    pruned.clear();
    // A folder that is ignored on one side and holds what is tracked on the other has to be looked into.
    const isNeeded = (path: BytePath): boolean => siftedHere.kept.has(path) || siftedThere.kept.has(path);
    const isTopmost = (path: BytePath): boolean => !foldersAbove(path).some((each) => ignored.has(each));
    for (const path of ignored) if (!isNeeded(path) && isTopmost(path)) pruned.add(path);
    if (isStale) continue;
    const state = { here: siftedHere.kept, there: siftedThere.kept, base };
    return { state, leftOut: rules?.leftOut ?? [], isWorkTree: inTree };
  }
}

/** One whose files are all gone was moved away or not mounted more likely than emptied. */
function guardAgainstEmptied(state: State, prefer: SideName | null): State {
  if (![...state.base.values()].some(({ here }) => here.kind !== 'folder')) return state;
  const isEmpty = (listing: Listing): boolean => ![...listing.values()].some(({ kind }) => kind !== 'folder');
  const emptied = (['here', 'there'] as const).filter((side) => isEmpty(state[side]));
  const [side, another] = emptied;
  if (side === undefined || another !== undefined || prefer === side) return state;
  if (prefer !== null) return { ...state, base: new Map() };
  throw userError(
    'SYNC_EMPTIED',
    `Everything that was synced is gone ${side}, so nothing was deleted ${otherSide(side)}.`,
    `--prefer ${otherSide(side)} brings it back; --prefer ${side} deletes it ${otherSide(side)}, too`,
  );
}

async function sameContent(state: State, sides: Sides): Promise<ReadonlySet<BytePath>> {
  const paths = pathsToHash(state);
  const [here, there] = await Promise.all([sides.here.hash(paths), sides.there.hash(paths)]);
  return new Set(paths.filter((path) => here.has(path) && here.get(path) === there.get(path)));
}

function bytesIn(listing: Listing, paths: readonly BytePath[]): string {
  const sum = paths.reduce((all, path) => {
    const entry = listing.get(path);
    return all + (entry?.kind === 'file' ? entry.size : 0);
  }, 0);
  return sum < 1e6 ? `${Math.ceil(sum / 1e3)} kB` : `${(sum / 1e6).toFixed(1)} MB`;
}

/** Removes first, so that a file can take the place of a folder, and the other way round. @returns the complaints */
async function act(round: Round, state: State, { actions }: Decisions, to: SideName): Promise<string> {
  const { sides, way, signal, progress } = round;
  const from = otherSide(to);
  const mine = [...actions].filter(([, action]) => action.to === to);
  if (mine.length === 0) return '';
  const copies = mine.filter(([, { kind }]) => kind === 'copy').map(([path]) => path);
  const replaced = copies.filter((path) => {
    const old = state[to].get(path);
    return old !== undefined && old.kind !== state[from].get(path)?.kind;
  });
  const deletes = mine.filter(([, { kind }]) => kind === 'delete').map(([path]) => path);
  await sides[to].prepare();
  if (deletes.length + replaced.length > 0) {
    progress(`removing ${deletes.length} ${to}`);
    await sides[to].remove([...deletes, ...replaced], state[to]);
  }
  if (copies.length === 0) return '';
  progress(`carrying ${copies.length} ${to} (${bytesIn(state[from], copies)})`);
  return carry(copies, { from: sides[from], to: sides[to], way }, signal);
}

type Pairing = Readonly<Record<SideName, Entry>>;

/** Pure: what both sides are from now on, of a path that was copied; null when the copy did not come about. */
export function copied(
  from: { readonly before: Entry; readonly after: Entry | undefined },
  to: { readonly before: Entry | undefined; readonly after: Entry | undefined },
): { readonly from: Entry; readonly to: Entry } | null {
  if (to.after === undefined) return null;
  if (isCopyOf(to.after, from.before)) return { from: from.before, to: to.after };
  if (from.after !== undefined && isCopyOf(to.after, from.after)) return { from: from.after, to: to.after };
  if (isSameEntry(to.after, to.before)) return null;
  // The original changes while it is read: what arrived is ours, and the next round brings the rest. Where it does
  // not, somebody changed the copy since, which is a change of that side.
  return isSameEntry(from.before, from.after)
    ? { from: from.before, to: from.before }
    : { from: from.before, to: to.after };
}

function settled(state: State, after: State, decisions: Decisions): Pick<Outcome, 'base' | 'done' | 'failed'> {
  const base = new Map<BytePath, Pairing>(state.base);
  const done = new Map<BytePath, Action>();
  const failed: BytePath[] = [];
  for (const path of decisions.gone) base.delete(path);
  for (const path of decisions.agreed) {
    const [here, there] = [state.here.get(path), state.there.get(path)];
    if (here && there) base.set(path, { here, there });
  }
  for (const [path, action] of decisions.actions) {
    const { kind, to } = action;
    const from = otherSide(to);
    const before = state[from].get(path);
    if (kind === 'delete') {
      const isFolder = state[to].get(path)?.kind === 'folder';
      if (!after[to].has(path)) base.delete(path);
      // A folder may hold what git ignores, and then it stays.
      else if (!isFolder) failed.push(path);
      if (!after[to].has(path)) done.set(path, action);
      continue;
    }
    if (before === undefined) continue;
    const result = copied(
      { before, after: after[from].get(path) },
      { before: state[to].get(path), after: after[to].get(path) },
    );
    if (result === null) failed.push(path);
    else {
      done.set(path, action);
      base.set(
        path,
        to === 'there' ? { here: result.from, there: result.to } : { here: result.to, there: result.from },
      );
    }
  }
  return { base, done, failed };
}

/**
 * Looks at both sides, decides, does it, and looks at what came of it.
 *
 * @throws EcsHostError (user) `SYNC_UNREADABLE`, `SYNC_EMPTIED`; (outside) `SYNC_FAILED`, `SSH_LOST`
 */
export async function syncRound(round: Round): Promise<Outcome> {
  const { sides, prefer, isDry, progress } = round;
  progress('looking at both sides');
  const { state: seen, leftOut, isWorkTree: inTree } = await look(round);
  const state = guardAgainstEmptied(seen, prefer);
  const decisions = decide(state, await sameContent(state, sides), prefer);
  const { actions, conflicts } = decisions;
  const about = { conflicts, leftOut, isWorkTree: inTree };
  if (isDry) return { ...about, base: state.base, done: actions, failed: [], complaint: '', lost: [] };
  if (actions.size === 0) return { ...about, ...settled(state, state, decisions), complaint: '', lost: [] };
  // One after the other: a side is not read while it is written to.
  const complaint = (await act(round, state, decisions, 'there')) + (await act(round, state, decisions, 'here'));
  const lost: { side: SideName; path: BytePath }[] = [];
  for (const side of ['here', 'there'] as const) {
    if (![...actions.values()].some(({ to }) => to === side)) continue;
    for (const path of await sides[side].settle(state[side])) lost.push({ side, path });
  }
  progress('looking at what came of it');
  const { state: after } = await look(round);
  const result = settled(state, after, decisions);
  return { ...about, ...result, complaint, lost };
}
