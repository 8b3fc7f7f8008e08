import type { AuditEntry } from '#contracts/audit.ts';
import type { Audited } from '../audited.ts';
import type { Packages } from '../packages.ts';

/** What a rule may look at. */
export type View = {
  readonly image: Audited;
  /** Of the base image, after a first boot. */
  readonly base: Audited;
  readonly packages: Packages;
  readonly basePackages: Packages;
  /** Whom cloud-init lets in. */
  readonly sshUser: string;
};

/** What a named program makes, with what can be known of it. */
export type Rule = {
  /** The program, as a person knows it. */
  readonly by: string;
  readonly covers: (path: string, entry: AuditEntry, view: View) => boolean;
  /** Null when the entry is what the program makes; else what is wrong, in words. */
  readonly problem: (entry: AuditEntry, view: View) => string | null;
  /** Whose it may be, beside root's; as on the base image where that has the path. */
  readonly isOwner?: (entry: AuditEntry, view: View) => boolean;
};

/** The first few of what is wrong. */
export function named(what: readonly string[]): string | null {
  if (what.length === 0) return null;
  const more = what.length > 3 ? ` and ${what.length - 3} more` : '';
  return `${what.slice(0, 3).join(', ')}${more}`;
}
