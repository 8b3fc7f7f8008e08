import { list, nullable, object, TEXT } from '../../io/shape.ts';

/** What a distribution says of one vulnerability in one of its source packages, in one release. */
export type Advisory = {
  /** `CVE-2024-1234`, or the distribution's own name where there is no CVE. */
  readonly id: string;
  readonly source: string;
  /** The first version that has it; `0` for all before the fix. */
  readonly introduced: string;
  /** The first version without it; null while there is none. */
  readonly fixed: string | null;
  /** By the distribution: `high`, `medium`, `unimportant`, or `unknown`. */
  readonly severity: string;
  /** What has to be there for the fix: `Ubuntu Pro`; null for nothing. */
  readonly needs: string | null;
};

export const ADVISORIES = list(
  object({ id: TEXT, source: TEXT, introduced: TEXT, fixed: nullable(TEXT), severity: TEXT, needs: nullable(TEXT) }),
);
