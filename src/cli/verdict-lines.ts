import type { Check } from '#contracts/check.ts';
import { wrapText } from '../io/text.ts';

/** Of a line that goes on below its label. */
const INDENT = ' '.repeat(10);

/** Checks that were skipped for one reason. */
export type Skips = {
  readonly reason: string;
  /** Why nobody has to look into it; null when somebody should. */
  readonly normalBecause: string | null;
  readonly checks: readonly string[];
};

/** The reasons that the checks give, and why they are no defect of the image. */
const NORMAL: readonly (readonly [RegExp, string])[] = [
  [/has no (NVIDIA )?GPU$/, 'there is no GPU to look at'],
  [/^the GPU is simulated/, 'it is looked at where there is a real one'],
  [/driver is the one for servers, which needs none$/, 'there is no licence to look at'],
  [/^not settable in this machine$/, "the lab's machines share one kernel; on AWS it is looked at"],
  [/^the bake looked;/, 'it was looked at before the image was made'],
  [/on booted machines( only)?$/, 'it is looked at when the image is proved'],
];

/** Skipped checks by reason: first what is not normal, then the most frequent. */
export function groupSkips(checks: readonly Check[]): Skips[] {
  const groups = Map.groupBy(
    checks.filter(({ verdict }) => verdict === 'skipped'),
    ({ reason }) => reason ?? 'no reason given',
  );
  return [...groups]
    .map(([reason, members]) => ({
      reason,
      normalBecause: NORMAL.find(([pattern]) => pattern.test(reason))?.[1] ?? null,
      checks: members.map(({ id }) => id),
    }))
    .toSorted(
      (a, b) =>
        Number(a.normalBecause !== null) - Number(b.normalBecause !== null) || b.checks.length - a.checks.length,
    );
}

/** Where lines of a result end: its columns, and how many lines there is room for. */
export type Room = { readonly columns: number; readonly lines: number };

/** The verdict with the number of checks, and what was skipped and why. */
export function verdictLines(
  { imageId, verdict, checks, substitutions }: Proved,
  skips: readonly Skips[],
  { columns, lines }: Room,
): string[] {
  const numbers = Object.entries(checks).map(([name, count]) => `${count} ${name}`);
  return [
    `verdict   ${verdict}${overStandIns(substitutions.length)}${numbers.length === 0 ? '' : ` (${numbers.join(', ')})`}`,
    ...skipLines(skips, imageId, { columns, lines: lines - 1 }),
  ];
}

/** What was proved is not what runs on AWS, and whoever reads no further has to know it. */
function overStandIns(count: number): string {
  return count === 0 ? '' : ` over ${count} stand-in${count === 1 ? '' : 's'}`;
}

type Proved = {
  /** Parts that stand in for those of the official sources. */
  readonly substitutions: readonly unknown[];
  readonly imageId: string;
  readonly verdict: string;
  readonly checks: Readonly<Record<string, number>>;
};

/** Where there is no room for all, those that are normal are only counted. */
function skipLines(skips: readonly Skips[], imageId: string, { columns, lines }: Room): string[] {
  const shown = skips.map(({ reason, normalBecause, checks }, at) => {
    const label = at === 0 ? 'skipped   ' : INDENT;
    const remark = normalBecause === null ? 'not normal: the image is not wholly proved' : `normal: ${normalBecause}`;
    return wrapText(`${label}${checks.length} ${reason} (${remark})`, columns, `${INDENT}  `);
  });
  if (shown.flat().length <= lines) return shown.flat();
  const fits = (at: number): boolean =>
    skips[at]?.normalBecause === null || shown.slice(0, at + 1).flat().length < lines;
  const count = skips.findIndex((_, at) => !fits(at));
  if (count < 0) return shown.flat();
  const rest = skips.slice(count).reduce((sum, { checks }) => sum + checks.length, 0);
  const more = `${count === 0 ? 'skipped   ' : INDENT}${rest}${count === 0 ? '' : ' more'}, all normal`;
  return [...shown.slice(0, count).flat(), `${more}: \`ecs-host image show ${imageId}\``];
}
