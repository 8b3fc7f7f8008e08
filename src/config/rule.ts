import type { Profile } from './hosts-config.ts';

/** What a rule between fields found. `path` leads to the value that has to change. */
export type Finding = {
  readonly severity: 'error' | 'warning';
  readonly code: string;
  readonly path: readonly (string | number)[];
  readonly reason: string;
  readonly hint: string;
};

type Found = { readonly key: Finding['path']; readonly reason: string; readonly hint: string };

/** A rule between the fields of a profile. `title` stands in docs/configuration.md. */
export type ProfileRule = {
  readonly code: string;
  readonly severity: Finding['severity'];
  readonly title: string;
  readonly check: (profile: Partial<Profile>) => Found | readonly Found[] | null;
};
