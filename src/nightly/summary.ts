import { formatDuration } from '../io/duration.ts';
import { itemName } from './items.ts';
import { code, prose, table } from './markdown.ts';
import type { Night, Outcome, Swept } from './night.ts';

const MARKS = { planned: '📝', unchanged: '⚪', released: '✅', failed: '❌' } as const;
/** Of the checks or mistakes of one item. */
const MOST_DETAILS = 20;

/** `2 released, 1 unchanged, 1 failed`. */
function counted(outcomes: readonly Outcome[]): string {
  const statuses = ['released', 'unchanged', 'planned', 'failed'] as const;
  return statuses
    .map((status) => [outcomes.filter((each) => each.status === status).length, status] as const)
    .filter(([count]) => count > 0)
    .map(([count, status]) => `${count} ${status}`)
    .join(', ');
}

function imageOf({ imageId }: Outcome): string {
  return imageId === null ? '' : code(imageId);
}

/** What the channel names when the night is over. */
function pointerOf({ status, imageId, previousImageId }: Outcome): string {
  const named = status === 'failed' || status === 'planned' ? previousImageId : imageId;
  return named === null ? 'nothing' : code(named);
}

function changeLines({ changed, previousImageId, status }: Outcome): string[] {
  if (status === 'unchanged' || previousImageId === null) return [];
  const since = `Since ${code(previousImageId)}`;
  if (changed === null) return [`${since}: which input changed cannot be told, it did not keep its inputs.`, ''];
  if (changed.length === 0) return [`${since}: no input changed.`, ''];
  const shown = changed.slice(0, MOST_DETAILS);
  const more = changed.length - shown.length;
  return [
    `${since} changed:`,
    '',
    ...shown.map((each) => `- ${prose(each)}`),
    ...(more > 0 ? [`- ${more} more`] : []),
    '',
  ];
}

function publishedLine({ published }: Outcome): string[] {
  const places = published.map(({ region, imageId }) => `${region} (${code(imageId)})`);
  return places.length === 0 ? [] : [`Published in ${places.join(', ')}.`, ''];
}

/** Pure: why an item failed, for people; nothing for one that did not. */
export function failureLines({ failure }: Pick<Outcome, 'failure'>): string[] {
  if (failure === null) return [];
  const shown = failure.details.slice(0, MOST_DETAILS);
  const more = failure.details.length - shown.length;
  return [
    `Failed in ${prose(failure.stage)}: ${prose(failure.reason)} (${code(failure.code)})`,
    '',
    ...shown.map((detail) => `- ${prose(detail)}`),
    ...(more > 0 ? [`- ${more} more`] : []),
    ...(shown.length > 0 ? [''] : []),
    ...(failure.hint === null ? [] : [`Hint: ${prose(failure.hint)}`, '']),
  ];
}

/** Pure: an item whole: why, where there was no room, which input changed, how its checks and its time went. */
export function outcomeLines(outcome: Outcome): string[] {
  const { status, tried, checks, stages, runId, planDigest } = outcome;
  const counts = Object.entries(checks).map(([verdict, count]) => `${count} ${verdict}`);
  return [
    `### ${MARKS[status]} ${itemName(outcome)}: ${status}`,
    '',
    ...failureLines(outcome),
    ...publishedLine(outcome),
    ...changeLines(outcome),
    ...(counts.length === 0 ? [] : [`Checks: ${counts.join(', ')}.`, '']),
    ...table(
      ['no room', 'code', 'why'],
      tried.map(({ instanceType, zone, code: its, why }) => [
        `${code(instanceType)} in ${code(zone)}`,
        code(its),
        prose(why),
      ]),
    ),
    ...table(
      ['stage', 'took'],
      stages.map(({ stage, durationMs }) => [prose(stage), formatDuration(durationMs)]),
    ),
    `Run ${code(runId)}${planDigest === null ? '' : `, plan ${code(planDigest.slice(0, 12))}`}.`,
    '',
  ];
}

function sweptLines(swept: readonly Swept[]): string[] {
  const lines = swept.flatMap(({ region, removed, failed }) => [
    ...removed.map((each) => `- ${region}: removed ${prose(each)}`),
    ...failed.map((each) => `- ${region}: **not removed** ${prose(each)}`),
  ]);
  return ['### Sweep', '', ...(lines.length === 0 ? ['Nothing was left behind.'] : lines), ''];
}

/** Pure: the summary of a night as Markdown. */
export function nightMarkdown(night: Night): string {
  const { outcomes, swept, startedAt, durationMs } = night;
  return [
    `## Nightly: ${counted(outcomes)}`,
    '',
    `Began ${startedAt}, took ${formatDuration(durationMs)}.`,
    '',
    ...table(
      ['', 'profile', 'region', 'outcome', 'image', 'channel nightly names', 'took'],
      outcomes.map((each) => [
        MARKS[each.status],
        each.profile,
        each.region,
        each.failure === null ? each.status : `failed in ${prose(each.failure.stage)}: ${code(each.failure.code)}`,
        imageOf(each),
        pointerOf(each),
        formatDuration(each.durationMs),
      ]),
    ),
    ...outcomes.flatMap(outcomeLines),
    ...(swept.length === 0 ? [] : sweptLines(swept)),
  ].join('\n');
}
