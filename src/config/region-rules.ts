import { printable } from '#contracts/printable.ts';
import { didYouMean, nearest } from '../io/nearest.ts';
import { AWS_REGIONS } from './aws-regions.ts';
import type { HostsConfig, Profile, Region } from './hosts-config.ts';
import type { Finding } from './rule.ts';

type Found = Omit<Finding, 'severity' | 'path'> & { readonly key: readonly string[] };

/** A rule about a region, and the profile that is its default. `title` stands in docs/configuration.md. */
type RegionRule = {
  readonly code: string;
  readonly title: string;
  readonly check: (given: {
    readonly name: string;
    readonly region: Partial<Region>;
    /** Whoever looks at `profiles` says nothing when those were refused. */
    readonly config: Pick<HostsConfig, 'profiles'>;
  }) => Omit<Found, 'code'> | null;
};

/** A GPU is simulated by what a machine on the kernel of this one is given. */
export function wantsGpuUnderQemu(
  { lab, machine }: Pick<Partial<Region>, 'lab' | 'machine'>,
  { nvidia }: Pick<Partial<Profile>, 'nvidia'>,
): boolean {
  return lab === true && machine === 'qemu' && Boolean(nvidia);
}

/** The stand-in, and nothing else that would have to be changed first. */
function hasStandIn({ ecsAgent }: Partial<Profile>): boolean {
  return (
    ecsAgent?.source === 'lab-stand-in' && ecsAgent.package === undefined && typeof ecsAgent.apiEndpoint === 'string'
  );
}

function defaultOf(region: Partial<Region>, { profiles }: Pick<HostsConfig, 'profiles'>): Partial<Profile> | null {
  return region.profile !== undefined && Object.hasOwn(profiles, region.profile)
    ? (profiles[region.profile] ?? null)
    : null;
}

export const REGION_RULES: readonly RegionRule[] = [
  {
    code: 'REGION_PROFILE_UNKNOWN',
    title: 'The `profile` of a region is one of `profiles`.',
    check: ({ region, config: { profiles } }) => {
      if (region.profile === undefined || Object.hasOwn(profiles, region.profile)) return null;
      const close = nearest(region.profile, Object.keys(profiles));
      // A profile whose name was refused: that is the mistake, and looking at it ends this rule.
      if (close !== null && !profiles[close]) return null;
      return {
        key: ['profile'],
        reason: `there is no profile ${printable(region.profile, 60)}`,
        hint: didYouMean(region.profile, Object.keys(profiles)),
      };
    },
  },
  {
    code: 'API_REGION_MISSING',
    title: 'A `lab` region names its `apiRegion`.',
    check: ({ region }) =>
      region.lab === true && region.apiRegion === undefined
        ? {
            key: [],
            reason: 'a lab region needs apiRegion, the region name that the lab answers for',
            hint: 'apiRegion: us-west-2',
          }
        : null,
  },
  {
    code: 'REGION_NAME_UNKNOWN',
    title: 'A region without `apiRegion` is named as AWS names it; `apiRegion` is one of the regions of AWS.',
    check: ({ name, region }) => {
      // A region without its profile has a mistake of its own, and may be a lab.
      if (region.profile === undefined) return null;
      if (region.lab === true && region.apiRegion === undefined) return null;
      const given = region.apiRegion ?? name;
      if (AWS_REGIONS.includes(given)) return null;
      return {
        key: region.apiRegion === undefined ? [] : ['apiRegion'],
        reason: `${given} is no name of an AWS region`,
        hint: didYouMean(given, AWS_REGIONS, 'name it as AWS does (us-east-2), or set apiRegion'),
      };
    },
  },
  {
    code: 'MACHINE_NOT_FOR_AWS',
    title: 'Only a `lab` region says by `machine` what its instances run on.',
    check: ({ region }) =>
      region.lab !== true && region.machine !== undefined
        ? {
            key: ['machine'],
            reason: 'instances of AWS run on what AWS has',
            hint: 'leave machine out, or set lab: true',
          }
        : null,
  },
  {
    code: 'REGION_MACHINE_WITHOUT_GPU',
    title: 'The default profile of a `lab` region with `machine: qemu` needs no GPU.',
    check: ({ region, config }) =>
      wantsGpuUnderQemu(region, defaultOf(region, config) ?? {})
        ? {
            key: ['machine'],
            reason: `${region.profile} needs a GPU, and machines under QEMU have none`,
            hint: 'leave machine out, or name a profile without nvidia',
          }
        : null,
  },
  {
    code: 'PROFILE_ONLY_FOR_LAB',
    title: 'The default profile of a region of AWS does not use the stand-in agent of the lab.',
    check: ({ region, config }) =>
      region.lab !== true && hasStandIn(defaultOf(region, config) ?? {})
        ? {
            key: ['profile'],
            reason: `${region.profile} uses the lab's stand-in agent, which cannot join a cluster of AWS`,
            hint: 'name a profile with ecsAgent.source: aws, or set lab: true',
          }
        : null,
  },
];

/** All rules about all regions. What is the same in several of them is one mistake, and told at the first. */
export function checkRegions(
  regions: readonly (readonly [string, Partial<Region>])[],
  config: Pick<HostsConfig, 'profiles'>,
  tolerate: <T>(look: () => T) => T | null,
): Finding[] {
  const findings = new Map<string, Finding>();
  for (const [name, region] of regions) {
    for (const { code, check } of REGION_RULES) {
      const found = tolerate(() => check({ name, region, config }));
      if (!found) continue;
      const { key, reason, hint } = found;
      const same = findings.get(code + reason);
      findings.set(
        code + reason,
        same
          ? { ...same, hint: `${same.hint} (also in region ${name})` }
          : { severity: 'error', code, reason, hint, path: ['regions', name, ...key] },
      );
    }
  }
  return [...findings.values()];
}
