import { ACCESS_RULES } from './access-rules.ts';
import { HARDWARE_RULES } from './hardware-rules.ts';
import type { HostsConfig, Profile, Region } from './hosts-config.ts';
import { checkRegions } from './region-rules.ts';
import { RELEASE_RULES } from './release-rules.ts';
import type { Finding, ProfileRule } from './rule.ts';
import { SOURCE_RULES } from './source-rules.ts';
import { Unusable, withoutUnusable } from './unusable.ts';
import { WORKLOAD_RULES } from './workload-rules.ts';

export const PROFILE_RULES: readonly ProfileRule[] = [
  ...HARDWARE_RULES,
  ...SOURCE_RULES,
  ...ACCESS_RULES,
  ...WORKLOAD_RULES,
];

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A rule that looks at a value that the schema refused has nothing to add. */
function tolerate<T>(look: () => T): T | null {
  try {
    return look();
  } catch (error) {
    if (error instanceof Unusable) return null;
    throw error;
  }
}

function checkProfile(name: string, profile: Partial<Profile>): Finding[] {
  return PROFILE_RULES.flatMap(({ check, severity, code }) =>
    [tolerate(() => check(profile)) ?? []].flat().map(({ key, reason, hint }) => ({
      severity,
      code,
      reason,
      hint,
      path: ['profiles', name, ...key],
    })),
  );
}

/** Of a region that was refused nothing is known, so nothing is said of releases to it. */
function checkRelease(name: string, profile: Partial<Profile>, config: HostsConfig): Finding[] {
  return RELEASE_RULES.flatMap(({ check, code }) =>
    (tolerate(() => check({ name, profile, regions: config.regions })) ?? []).map(({ key, reason, hint }) => ({
      severity: 'error' as const,
      code,
      reason,
      hint,
      path: ['profiles', name, ...key],
    })),
  );
}

/**
 * All rules over what the schema has found usable; `refused` are the JSON pointers of the rest. Pure.
 */
export function checkRules(value: unknown, refused: ReadonlySet<string>): Finding[] {
  const config = withoutUnusable(value, refused) as HostsConfig;
  const usable = <T>(key: 'profiles' | 'regions'): [string, Partial<T>][] => {
    const all: unknown = tolerate(() => config[key]);
    return Object.keys(isObject(all) ? all : {}).flatMap((name) => {
      const member = tolerate(() => (all as Record<string, unknown>)[name]);
      return isObject(member) ? [[name, member as Partial<T>]] : [];
    });
  };
  return [
    ...usable<Profile>('profiles').flatMap(([name, profile]) => [
      ...checkProfile(name, profile),
      ...checkRelease(name, profile, config),
    ]),
    ...checkRegions(usable<Region>('regions'), config, tolerate),
  ];
}
