import type { Check } from '#contracts/check.ts';
import { wrapText } from '../io/text.ts';

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
  [/^not settable in this machine$/, "the lab's machines share one kernel; on AWS it is looked at"],
  [/^the bake looked;/, 'it was looked at before the image was made'],
  [/on booted machines( only)?$/, 'it is looked at when the image is proved'],
];

/** Skipped checks by reason, the most frequent first. */
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
    .toSorted((a, b) => b.checks.length - a.checks.length);
}

/** The verdict with the number of checks, and what was skipped and why. */
export function verdictLines(
  verdict: string,
  counts: Readonly<Record<string, number>>,
  skips: readonly Skips[],
  width: number,
): string[] {
  const numbers = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
  return [
    `verdict   ${verdict}${numbers.length === 0 ? '' : ` (${numbers.join(', ')})`}`,
    ...skips.flatMap(({ reason, normalBecause, checks }, at) => {
      const label = at === 0 ? 'skipped   ' : '          ';
      const remark = normalBecause === null ? 'not normal: the image is not wholly proved' : `normal: ${normalBecause}`;
      return wrapText(`${label}${checks.length} ${reason} (${remark})`, width, '            ');
    }),
  ];
}
