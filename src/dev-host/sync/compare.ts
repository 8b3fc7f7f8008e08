import {
  type BytePath,
  type Entry,
  foldersAbove,
  isSameEntry,
  type Listing,
  otherSide,
  type SideName,
} from './entry.ts';

/** What both sides were when they were the same last. */
export type Base = ReadonlyMap<BytePath, Readonly<Record<SideName, Entry>>>;

export type State = Readonly<Record<SideName, Listing>> & { readonly base: Base };

export type Action = { readonly kind: 'copy' | 'delete'; readonly to: SideName };

export type Decisions = {
  readonly actions: ReadonlyMap<BytePath, Action>;
  /** What cannot be decided, and why. What lies below such a path is left alone with it. */
  readonly conflicts: ReadonlyMap<BytePath, string>;
  /** The same on both sides, however it came about. */
  readonly agreed: readonly BytePath[];
  /** Gone from both sides. */
  readonly gone: readonly BytePath[];
};

function allPaths({ here, there, base }: State): BytePath[] {
  return [...new Set([...here.keys(), ...there.keys(), ...base.keys()])];
}

function isChanged(state: State, side: SideName, path: BytePath): boolean {
  return !isSameEntry(state[side].get(path), state.base.get(path)?.[side]);
}

/** Pure: files of which only their content can say whether they are the same. */
export function pathsToHash(state: State): BytePath[] {
  return allPaths(state).filter((path) => {
    const here = state.here.get(path);
    const there = state.there.get(path);
    if (here?.kind !== 'file' || there?.kind !== 'file' || here.size !== there.size) return false;
    return isChanged(state, 'here', path) && isChanged(state, 'there', path);
  });
}

/** Not for files, of which `isSameContent` says it. */
function isSame(here: Entry, there: Entry, isSameContent: boolean): boolean {
  if (here.kind === 'file' && there.kind === 'file') return isSameContent && here.isExecutable === there.isExecutable;
  return isSameEntry(here, there);
}

/** What one side has goes to the other: also that it has nothing. */
function bring(state: State, from: SideName, path: BytePath): Action {
  return { kind: state[from].has(path) ? 'copy' : 'delete', to: otherSide(from) };
}

function reasonOf(here: Entry | undefined, there: Entry | undefined): string {
  if (here === undefined) return 'deleted here, changed there';
  if (there === undefined) return 'changed here, deleted there';
  if (here.kind !== there.kind) return `a ${here.kind} here, a ${there.kind} there`;
  return 'changed here and there';
}

type Verdict = Action | 'agreed' | 'gone' | 'nothing' | { readonly conflict: string };

function judge(state: State, path: BytePath, same: ReadonlySet<BytePath>, prefer: SideName | null): Verdict {
  const here = state.here.get(path);
  const there = state.there.get(path);
  if (here === undefined && there === undefined) return 'gone';
  const changedHere = isChanged(state, 'here', path);
  const changedThere = isChanged(state, 'there', path);
  if (!changedHere && !changedThere) return 'nothing';
  if (!changedThere) return bring(state, 'here', path);
  if (!changedHere) return bring(state, 'there', path);
  if (here && there && isSame(here, there, same.has(path))) return 'agreed';
  return prefer === null ? { conflict: reasonOf(here, there) } : bring(state, prefer, path);
}

/** Decisions that are still being fitted to each other. */
class Draft {
  readonly state: State;
  readonly actions = new Map<BytePath, Action>();
  readonly conflicts = new Map<BytePath, string>();

  constructor(state: State) {
    this.state = state;
  }

  /** What a side will have. */
  final(side: SideName, path: BytePath): Entry | undefined {
    const action = this.actions.get(path);
    if (action?.to !== side) return this.state[side].get(path);
    return action.kind === 'delete' ? undefined : this.state[otherSide(side)].get(path);
  }

  #below(side: SideName, folder: BytePath): BytePath[] {
    return [...this.state[side].keys()].filter((path) => path.startsWith(`${folder}/`));
  }

  /** A folder goes when nothing in it stays; else it is there for what stays, on both sides when that is copied. */
  keepFoldersOfWhatStays(): void {
    const deletes = [...this.actions].filter(
      ([path, { kind, to }]) => kind === 'delete' && this.state[to].get(path)?.kind === 'folder',
    );
    for (const [path, { to }] of deletes.toSorted(([a], [b]) => b.length - a.length)) {
      const stays = this.#below(to, path).filter((each) => this.final(to, each) !== undefined);
      if (stays.length === 0) continue;
      const isCopied = stays.some((each) => this.actions.get(each)?.to === otherSide(to));
      if (isCopied) this.actions.set(path, { kind: 'copy', to: otherSide(to) });
      else this.actions.delete(path);
    }
  }

  /** What is no folder takes the place of one only when everything in that goes. */
  refuseFullFolders(): void {
    for (const [path, { kind, to }] of [...this.actions]) {
      if (kind !== 'copy' || this.state[to].get(path)?.kind !== 'folder') continue;
      if (this.final(to, path)?.kind === 'folder') continue;
      if (!this.#below(to, path).some((each) => this.final(to, each) !== undefined)) continue;
      this.actions.delete(path);
      this.conflicts.set(path, `a folder with changes ${to}, something else ${otherSide(to)}`);
    }
  }

  /** Nothing is put below what is no folder there: that has a conflict of its own. */
  refuseBelowOthers(): void {
    for (const path of [...this.actions.keys()].toSorted((a, b) => a.length - b.length)) {
      const action = this.actions.get(path);
      if (action?.kind !== 'copy') continue;
      const above = foldersAbove(path);
      const blocked = above.find((folder) => this.final(action.to, folder)?.kind !== 'folder');
      if (blocked === undefined) continue;
      this.actions.delete(path);
      if (!above.some((folder) => this.conflicts.has(folder)))
        this.conflicts.set(blocked, reasonOf(this.state.here.get(blocked), this.state.there.get(blocked)));
    }
  }
}

/**
 * Pure: what is to be done so that both sides are the same, from what changed on each since they were. What changed on
 * both is left alone, unless `prefer` says which side wins.
 *
 * @param same the paths of `pathsToHash` whose content is the same
 */
export function decide(state: State, same: ReadonlySet<BytePath>, prefer: SideName | null): Decisions {
  const draft = new Draft(state);
  const agreed: BytePath[] = [];
  const gone: BytePath[] = [];
  for (const path of allPaths(state)) {
    const verdict = judge(state, path, same, prefer);
    if (verdict === 'nothing') continue;
    if (verdict === 'agreed') agreed.push(path);
    else if (verdict === 'gone') gone.push(path);
    else if ('conflict' in verdict) draft.conflicts.set(path, verdict.conflict);
    else draft.actions.set(path, verdict);
  }
  draft.keepFoldersOfWhatStays();
  draft.refuseFullFolders();
  draft.refuseBelowOthers();
  return { actions: draft.actions, conflicts: draft.conflicts, agreed, gone };
}
