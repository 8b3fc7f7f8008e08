import { printable } from '#contracts/printable.ts';
import { didYouMean } from '../io/nearest.ts';
import type { HostsConfig } from './hosts-config.ts';
import type { Finding } from './rule.ts';

type Nightly = NonNullable<HostsConfig['nightly']>[number];

/** A rule about what a night does. `title` stands in docs/configuration.md. */
type NightlyRule = {
  readonly code: string;
  readonly title: string;
  readonly key: keyof Nightly;
  /** The part of hosts.yaml that the key names something of. */
  readonly of: 'profiles' | 'regions';
};

export const NIGHTLY_RULES: readonly NightlyRule[] = [
  {
    code: 'NIGHTLY_PROFILE_UNKNOWN',
    title: 'The `profile` of each of `nightly` is one of `profiles`.',
    key: 'profile',
    of: 'profiles',
  },
  {
    code: 'NIGHTLY_REGION_UNKNOWN',
    title: 'The `region` of each of `nightly` is one of `regions`.',
    key: 'region',
    of: 'regions',
  },
];

/** All rules about all of `nightly`. */
export function checkNightly(config: HostsConfig, tolerate: <T>(look: () => T) => T | null): Finding[] {
  const count = tolerate(() => config.nightly?.length) ?? 0;
  return Array.from({ length: count }, (_, at) => at).flatMap((at) =>
    NIGHTLY_RULES.flatMap(({ code, key, of }): Finding[] => {
      const name = tolerate(() => config.nightly?.[at]?.[key]) ?? null;
      const known = tolerate(() => Object.keys(config[of]));
      if (name === null || known === null || known.includes(name)) return [];
      return [
        {
          severity: 'error',
          code,
          path: ['nightly', at, key],
          reason: `there is no ${key} ${printable(name, 60)}`,
          hint: didYouMean(name, known),
        },
      ];
    }),
  );
}
