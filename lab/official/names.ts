import { isNamed } from '../net/names.ts';
import type { OfficialHost } from './hosts.ts';

/** The host that a name is of, or null. */
export function hostNamed(hosts: readonly OfficialHost[], name: string): OfficialHost | null {
  return hosts.find(({ names }) => names.some((pattern) => isNamed(name.toLowerCase(), pattern))) ?? null;
}

/** Names that machines resolve to the door; `*` is one label. */
export function machineNames(hosts: readonly OfficialHost[]): readonly string[] {
  return hosts.filter(({ over }) => over !== 'plan').flatMap(({ names }) => names);
}
