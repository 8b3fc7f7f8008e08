import { dirname } from 'node:path';
import { type Check, isFailed } from '#contracts/check.ts';
import type { AwsClients } from '../aws/clients.ts';
import type { ImageRecord, Verdict } from '../image/image-record.ts';
import { readRecord, saveRecord } from '../image/image-store.ts';
import { tagVerdict } from '../image/tag-image.ts';
import { EcsHostError } from '../io/errors.ts';

export type SmokeResult = NonNullable<ImageRecord['smoke']> & {
  /** Whether every part was asked for: only then can the image be said to have passed. */
  readonly isComplete: boolean;
};

/** Pure. No correct check at all is no proof of anything, so it is a failure too. */
export function verdictOf(checks: readonly Check[]): Exclude<Verdict, 'not-run'> {
  return !checks.some(isFailed) && checks.some(({ verdict }) => verdict === 'correct') ? 'passed' : 'failed';
}

/** Pure: how many checks had which verdict. */
export function countVerdicts(checks: readonly { readonly verdict: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { verdict } of checks) counts[verdict] = (counts[verdict] ?? 0) + 1;
  return counts;
}

/**
 * Writes the verdict into the image's record, where there is one, and onto the image. A pass of some parts only says
 * nothing about the image and changes neither; a failure always counts.
 *
 * @returns the path of the record, or null when there is none
 */
export async function keepVerdict(clients: AwsClients, imageId: string, result: SmokeResult): Promise<string | null> {
  if (!result.isComplete && result.verdict === 'passed') return null;
  await tagVerdict(clients, imageId, result.verdict, result.runId);
  const record = await readRecord(imageId);
  if (!record) return null;
  const { isComplete: _, ...smoke } = result;
  return saveRecord({ ...record, smoke });
}

/** The error that ends `smoke` and `ami` with exit code 4, naming every check that did not hold. */
export function verdictError(imageId: string, result: SmokeResult): EcsHostError {
  return new EcsHostError('verdict', 'SMOKE_FAILED', `Image ${imageId} failed its smoke test.`, {
    details: result.checks.filter(isFailed).map((check) => ({
      key: check.id,
      reason:
        check.verdict === 'missing'
          ? `could not be looked at${check.reason === undefined ? '' : `: ${check.reason}`}`
          : `expected ${check.expected}, found ${check.actual}${check.reason === undefined ? '' : ` (${check.reason})`}`,
    })),
    ...(result.evidence[0] === undefined
      ? {}
      : { hint: `console log and journal are kept in ${dirname(result.evidence[0])}` }),
  });
}
