import type { ImageRecord } from '../../image/image-record.ts';
import { formatDuration } from '../../io/duration.ts';
import { resultHeight, resultWidth, wrapText } from '../../io/text.ts';
import type { SmokeResult } from '../../smoke/verdict.ts';
import { printEvent } from '../json.ts';
import type { Session } from '../session.ts';
import { minuteText } from '../standing-lines.ts';
import { groupSkips, type Skips, verdictLines } from '../verdict-lines.ts';

/** Top-level spans, for the closing lines. */
function stageTimes(session: Session): { stage: string; durationMs: number }[] {
  return session
    .spans()
    .filter((span) => span.name === span.stage)
    .map(({ stage, durationMs }) => ({ stage, durationMs }));
}

/** How a bake or a smoke test ended. */
export type Outcome = {
  readonly imageId: string;
  /** When the image was made, of one that was found and not baked; null of one that was, or was named. */
  readonly since: string | null;
  readonly substitutions: ImageRecord['substitutions'];
  readonly recordFile: string | null;
  readonly result: Pick<SmokeResult, 'verdict' | 'checks'> | null;
};

type Closing = {
  readonly imageId: string;
  readonly baked: boolean;
  readonly since: string | null;
  readonly verdict: string;
  readonly checks: Readonly<Record<string, number>>;
  readonly skips: readonly Skips[];
  readonly substitutions: ImageRecord['substitutions'];
  readonly stages: readonly { readonly stage: string; readonly durationMs: number }[];
  readonly record: string | null;
};

/** Of a line that goes on below its label. */
const INDENT = ' '.repeat(10);

/** What is said of an image that was there already. */
function foundText(since: string): string {
  return `nothing: this image of ${minuteText(since)} has the same digest; --force bakes all the same`;
}

/** On a terminal all of it fits a screen, with the stages that stand above it and the prompt. */
function closingLines(closing: Closing): string[] {
  const columns = resultWidth();
  const stages = closing.stages.map(({ stage, durationMs }) => `${stage} ${formatDuration(durationMs)}`);
  const before = [
    ...closing.substitutions.flatMap(({ component, source }) =>
      wrapText(`note      ${component}: ${source} (not the official source)`, columns, INDENT),
    ),
    `image     ${closing.imageId}`,
    ...(closing.since === null ? [] : wrapText(`baked     ${foundText(closing.since)}`, columns, INDENT)),
  ];
  const after = [
    ...wrapText(`stages    ${stages.join(', ')}`, columns, INDENT),
    ...(closing.record === null ? [] : [`record    ${closing.record}`]),
  ];
  const lines = resultHeight() - before.length - after.length - closing.stages.length - 1;
  return [...before, ...verdictLines(closing, closing.skips, { columns, lines }), ...after];
}

function countVerdicts(checks: readonly { readonly verdict: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { verdict } of checks) counts[verdict] = (counts[verdict] ?? 0) + 1;
  return counts;
}

/** The last lines of a bake or a smoke test, or its last event. */
export async function close(
  session: Session,
  json: boolean,
  outcome: Outcome & { readonly baked: boolean },
): Promise<void> {
  const { imageId, baked, since, substitutions, recordFile, result } = outcome;
  await session.reporter.close();
  const closing: Closing = {
    imageId,
    baked,
    since,
    verdict: result?.verdict ?? 'not-run',
    checks: countVerdicts(result?.checks ?? []),
    skips: groupSkips(result?.checks ?? []),
    substitutions,
    stages: stageTimes(session),
    record: recordFile,
  };
  printEvent(json, { type: 'result', ...closing }, closingLines(closing));
}
