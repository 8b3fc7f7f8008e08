/**
 * One expected-against-actual comparison. Provisioner `verify` scripts print these on the image, smoke produces its
 * own, and both land unchanged in the verdict of the ImageRecord. The four outcomes are those of a marked exam:
 * `incorrect` = looked and found something else, `missing` = could not be looked at although it should have been there,
 * `skipped` = does not apply here, and says why. Only `incorrect` and `missing` fail an image.
 */
export type CheckVerdict = 'correct' | 'incorrect' | 'missing' | 'skipped';

export type Check = {
  /** Stable, dotted, kebab-case: `gate.docker-socket-inactive`, `clean.no-ssh-keys`. The first part is the concern. */
  readonly id: string;
  /** One short sentence a person reads. */
  readonly title: string;
  readonly expected: string;
  readonly actual: string;
  readonly verdict: CheckVerdict;
  /** Required when skipped; optional detail otherwise. */
  readonly reason?: string;
  readonly durationMs?: number;
};

/** What fails an image. */
export function isFailed({ verdict }: Pick<Check, 'verdict'>): boolean {
  return verdict === 'incorrect' || verdict === 'missing';
}
