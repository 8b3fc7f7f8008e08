import type { ErrorDetail } from '../../io/errors.ts';
import type { Action } from './compare.ts';
import { shownPath } from './entry.ts';
import type { Outcome } from './round.ts';

const MOST_LINES = 200;

function mark({ kind, to }: Action): string {
  if (kind === 'copy') return to === 'there' ? '->' : '<-';
  return to === 'there' ? 'x>' : '<x';
}

function count(outcome: Outcome, kind: Action['kind'], to: Action['to']): number {
  return [...outcome.done.values()].filter((action) => action.kind === kind && action.to === to).length;
}

/** `2 to there, 1 from there, 1 deleted there`. */
export function summary(outcome: Outcome): string {
  const counts: readonly (readonly [number, string])[] = [
    [count(outcome, 'copy', 'there'), 'to there'],
    [count(outcome, 'copy', 'here'), 'from there'],
    [count(outcome, 'delete', 'there'), 'deleted there'],
    [count(outcome, 'delete', 'here'), 'deleted here'],
    [outcome.failed.length, 'failed'],
    [outcome.conflicts.size, outcome.conflicts.size === 1 ? 'conflict' : 'conflicts'],
  ];
  const said = counts.filter(([number]) => number > 0).map(([number, what]) => `${number} ${what}`);
  return said.length === 0 ? 'both sides are the same' : said.join(', ');
}

/** What was done, a path a line, and the sum. */
export function outcomeLines(outcome: Outcome): string[] {
  const all = [...outcome.done].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const lines = all.slice(0, MOST_LINES).map(([path, action]) => `${mark(action)} ${shownPath(path)}`);
  const more = all.length - lines.length;
  return [...lines, ...(more > 0 ? [`and ${more} more`] : []), summary(outcome)];
}

export function conflictDetails(outcome: Outcome): ErrorDetail[] {
  return [...outcome.conflicts].map(([path, reason]) => ({ key: shownPath(path), reason }));
}

/** What the sum does not say: each once. */
export function remarks(outcome: Outcome): string[] {
  return [
    ...(outcome.isWorkTree ? [] : ['No git work tree here: everything in the folder is synced, but for .git.']),
    ...outcome.leftOut.map((path) => `Submodule ${shownPath(path)} is not checked out here, and is left out.`),
    ...outcome.lost.map(
      ({ side, path }) =>
        `A file changed ${side} while it was replaced; that version is kept ${side}: ${shownPath(path)}`,
    ),
  ];
}
