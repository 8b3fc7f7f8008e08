import { type Item, itemName } from './items.ts';
import { code } from './markdown.ts';
import type { Outcome } from './night.ts';
import { outcomeLines } from './summary.ts';

/** An open issue, as far as it matters here. */
export type Issue = { readonly number: number; readonly title: string; readonly body: string };

/** What is to be done to the one issue of an item. */
export type IssueAction = Item &
  (
    | { readonly action: 'open'; readonly title: string; readonly body: string }
    | { readonly action: 'update'; readonly number: number; readonly title: string; readonly body: string }
    | { readonly action: 'close'; readonly number: number; readonly body: string }
    | { readonly action: 'nothing' }
  );

/** What a night tells of an item; null when it ended without a word (a runner that was lost). */
export type Told = Item & { readonly outcome: Outcome | null };

export type RunOfCi = {
  /** Where the night can be looked at; null when it was none of GitHub's. */
  readonly url: string | null;
  /** UTC, ISO 8601. */
  readonly at: string;
};

/** GitHub takes 65536 characters. */
const LONGEST_BODY = 60_000;

function titleOf(item: Item): string {
  return `Nightly fails: ${itemName(item)}`;
}

/** Nobody sees it, and titles may be edited. */
function markerOf({ profile, region }: Item): string {
  return `ecs-host-nightly profile=${profile} region=${region}`;
}

const SINCE = /since=(\S+) nights=(\d+)/;

/** Pure: the open issue of an item. The oldest, when somebody copied it. */
function issueOf(item: Item, open: readonly Issue[]): Issue | null {
  const marker = `<!-- ${markerOf(item)} since=`;
  return open.filter(({ body }) => body.includes(marker)).toSorted((a, b) => a.number - b.number)[0] ?? null;
}

function bodyOf({ outcome, ...item }: Told, before: Issue | null, run: RunOfCi): string {
  const [, since = run.at, nights = '0'] = SINCE.exec(before?.body ?? '') ?? [];
  const count = Number(nights) + 1;
  const text = [
    `${count === 1 ? 'The last night' : `The last ${count} nights`} failed, the first at ${since}.`,
    'The pointer of the channel is where it was. This issue is closed by the next good night.',
    '',
    ...(run.url === null ? [] : [`Last night: ${run.url}`, '']),
    ...(outcome === null
      ? [
          'The night ended without a summary: its machine was lost, or its time was up. Its log tells how far it came.',
          '',
        ]
      : outcomeLines(outcome)),
  ].join('\n');
  return `${text.slice(0, LONGEST_BODY)}\n<!-- ${markerOf(item)} since=${since} nights=${count} -->\n`;
}

/**
 * Pure: one action for each item, so that there is one open issue for each that fails, and none for others. A night
 * that only planned changes nothing.
 */
export function issueActions(told: readonly Told[], open: readonly Issue[], run: RunOfCi): IssueAction[] {
  return told.map((each): IssueAction => {
    const { outcome, profile, region } = each;
    const item = { profile, region };
    const issue = issueOf(item, open);
    if (outcome === null || outcome.status === 'failed') {
      const written = { title: titleOf(item), body: bodyOf(each, issue, run) };
      return issue === null
        ? { ...item, action: 'open', ...written }
        : { ...item, action: 'update', number: issue.number, ...written };
    }
    if (issue === null || outcome.status === 'planned') return { ...item, action: 'nothing' };
    const where = run.url === null ? '' : `: ${run.url}`;
    const image = outcome.imageId === null ? '' : `, with ${code(outcome.imageId)}`;
    const body = `Good again since ${run.at}${image}${where}\n\n${issue.body}`;
    return { ...item, action: 'close', number: issue.number, body };
  });
}
