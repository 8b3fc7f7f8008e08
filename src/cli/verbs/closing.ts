import type { ImageRecord } from '../../image/image-record.ts';
import { formatDuration } from '../../io/duration.ts';
import { resultHeight, resultWidth, wrapText } from '../../io/text.ts';
import { countVerdicts, type SmokeResult } from '../../smoke/verdict.ts';
import { printEvent } from '../json.ts';
import type { Session } from '../session.ts';
import { groupSkips, type Skips, verdictLines } from '../verdict-lines.ts';

/** Top-level spans, for the closing lines. */
function stageTimes(session: Session): { stage: string; durationMs: number }[] {
  return session
    .spans()
    .filter((span) => span.name === span.stage)
    .map(({ stage, durationMs }) => ({ stage, durationMs }));
}

type Closing = {
  readonly imageId: string;
  readonly verdict: string;
  readonly checks: Readonly<Record<string, number>>;
  readonly skips: readonly Skips[];
  readonly substitutions: ImageRecord['substitutions'];
  readonly stages: readonly { readonly stage: string; readonly durationMs: number }[];
  readonly record: string | null;
};

/** Of a line that goes on below its label. */
const INDENT = ' '.repeat(10);

/** On a terminal all of it fits a screen, with the stages that stand above it and the prompt. */
function closingLines(closing: Closing): string[] {
  const columns = resultWidth();
  const stages = closing.stages.map(({ stage, durationMs }) => `${stage} ${formatDuration(durationMs)}`);
  const before = [
    ...closing.substitutions.flatMap(({ component, source }) =>
      wrapText(`note      ${component}: ${source} (not the official source)`, columns, INDENT),
    ),
    `image     ${closing.imageId}`,
  ];
  const after = [
    ...wrapText(`stages    ${stages.join(', ')}`, columns, INDENT),
    ...(closing.record === null ? [] : [`record    ${closing.record}`]),
  ];
  const lines = resultHeight() - before.length - after.length - closing.stages.length - 1;
  return [...before, ...verdictLines(closing, closing.skips, { columns, lines }), ...after];
}

/** The last lines of a bake or a smoke test, or its last event. */
export async function close(
  session: Session,
  json: boolean,
  outcome: {
    imageId: string;
    substitutions: ImageRecord['substitutions'];
    recordFile: string | null;
    result: SmokeResult | null;
  },
): Promise<void> {
  const { imageId, substitutions, recordFile, result } = outcome;
  await session.reporter.close();
  const closing: Closing = {
    imageId,
    verdict: result?.verdict ?? 'not-run',
    checks: countVerdicts(result?.checks ?? []),
    skips: groupSkips(result?.checks ?? []),
    substitutions,
    stages: stageTimes(session),
    record: recordFile,
  };
  printEvent(json, { type: 'result', ...closing }, closingLines(closing));
}
