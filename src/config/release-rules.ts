import { didYouMean } from '../io/nearest.ts';
import type { HostsConfig, Profile, Region } from './hosts-config.ts';
import type { Finding } from './rule.ts';

type Found = Pick<Finding, 'reason' | 'hint'> & { readonly key: readonly (string | number)[] };

type Given = {
  readonly name: string;
  /** Whoever looks at what was refused says nothing. */
  readonly profile: Partial<Profile>;
  readonly regions: HostsConfig['regions'];
};

/** A rule between the release of a profile and the regions. `title` stands in docs/configuration.md. */
type ReleaseRule = {
  readonly code: string;
  readonly title: string;
  readonly check: (given: Given) => readonly Found[];
};

/** AWS's own key of EBS in every account, under its alias. */
const DEFAULT_KEY = /(^|:)alias\/aws\//;

/** The regions that are named and there, each with where it is named. */
function namedRegions({ profile, regions }: Given): { name: string; at: number; region: Partial<Region> }[] {
  return (profile.release?.regions ?? []).flatMap((name, at) => {
    const region = Object.hasOwn(regions, name) ? regions[name] : undefined;
    return region === undefined ? [] : [{ name, at, region }];
  });
}

function apiRegionOf({ name, region }: { readonly name: string; readonly region: Partial<Region> }): string {
  return region.apiRegion ?? name;
}

/** What the profile is released in for sure: what it names, and where it is the default. */
function ofRelease(given: Given): readonly { readonly name: string; readonly region: Partial<Region> }[] {
  const named = namedRegions(given);
  const byDefault = Object.entries(given.regions)
    .map(([name, region]) => ({ name, region }))
    .filter(({ name, region }) => region.profile === given.name && !named.some((one) => one.name === name));
  return [...named, ...byDefault];
}

function unknownRegions({ profile, regions }: Given): Found[] {
  return (profile.release?.regions ?? []).flatMap((name, at) =>
    Object.hasOwn(regions, name)
      ? []
      : [
          {
            key: ['release', 'regions', at],
            reason: `there is no region ${name}`,
            hint: didYouMean(name, Object.keys(regions)),
          },
        ],
  );
}

function sameRegionTwice(given: Given): Found[] {
  const named = namedRegions(given);
  return named.flatMap((one) => {
    const first = named.find((other) => apiRegionOf(other) === apiRegionOf(one));
    return first === undefined || first.at === one.at
      ? []
      : [
          {
            key: ['release', 'regions', one.at],
            reason: `${one.name} and ${first.name} are the same region of the API, ${apiRegionOf(one)}`,
            hint: 'name one of them',
          },
        ];
  });
}

function labAndAws(given: Given): Found[] {
  const [first, ...others] = namedRegions(given);
  const other = others.find(({ region }) => (region.lab === true) !== (first?.region.lab === true));
  return first === undefined || other === undefined
    ? []
    : [
        {
          key: ['release', 'regions', other.at],
          reason: `${first.name} and ${other.name} are not both of the lab or both of AWS, and no image is copied between them`,
          hint: 'give the lab a profile of its own',
        },
      ];
}

function sharedWithoutKey(given: Given): Found[] {
  const { accounts = [], organizations = [], organizationalUnits = [] } = given.profile.release?.share ?? {};
  if (accounts.length + organizations.length + organizationalUnits.length === 0) return [];
  const without = ofRelease(given)
    .filter(({ region: { kmsKey } }) => kmsKey === undefined || DEFAULT_KEY.test(kmsKey))
    .map(({ name }) => name);
  return without.length === 0
    ? []
    : [
        {
          key: ['release', 'share'],
          reason: `AWS shares no image that is encrypted with the account's default key, which is so in ${without.join(', ')}`,
          hint: `name a key of your own: kmsKey in regions.${without[0]}`,
        },
      ];
}

export const RELEASE_RULES: readonly ReleaseRule[] = [
  {
    code: 'RELEASE_REGION_UNKNOWN',
    title: 'Each of `release.regions` is one of `regions`.',
    check: unknownRegions,
  },
  {
    code: 'RELEASE_REGION_TWICE',
    title: 'No two of `release.regions` are the same region of the API.',
    check: sameRegionTwice,
  },
  {
    code: 'RELEASE_LAB_MIXED',
    title: 'All of `release.regions` are of the lab, or all of AWS.',
    check: labAndAws,
  },
  {
    code: 'SHARE_NEEDS_KEY',
    title: 'What is shared is encrypted with a `kmsKey` of your own in every region that it is released in.',
    check: sharedWithoutKey,
  },
];
