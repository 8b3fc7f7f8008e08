import type { AuditEntry } from '#contracts/audit.ts';
import { ACCOUNTS } from './accounts.ts';
import { OF_CATALOGS } from './catalogs.ts';
import { OF_FIRST_BOOT } from './first-boot.ts';
import { OF_KERNELS } from './kernels.ts';
import { OF_PACKAGE_MANAGERS } from './package-managers.ts';
import type { Rule, View } from './rule.ts';
import { OF_THE_SYSTEM } from './system.ts';
import { OF_UNITS } from './units.ts';

const RULES: readonly Rule[] = [
  ACCOUNTS,
  ...OF_PACKAGE_MANAGERS,
  ...OF_UNITS,
  ...OF_FIRST_BOOT,
  ...OF_CATALOGS,
  ...OF_KERNELS,
  ...OF_THE_SYSTEM,
];

/** The rule for what a named program makes, or undefined when none is known that would have made this. */
export function ruleOf(entry: AuditEntry, view: View): Rule | undefined {
  return RULES.find((rule) => rule.covers(entry.path, entry, view));
}
