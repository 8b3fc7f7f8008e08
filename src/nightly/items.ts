import type { HostsConfig } from '../config/hosts-config.ts';
import { userError } from '../io/errors.ts';
import { releasePlanOf } from '../plan/release-plan.ts';
import { select } from '../plan/resolve.ts';

/** What a night is asked to do: one image, in one region of hosts.yaml. */
export type Item = { readonly profile: string; readonly region: string };

/** What was named on the command line; null for nothing. */
export type Named = { readonly profiles: readonly string[] | null; readonly regions: readonly string[] | null };

/** Where nothing says where. */
const LAB = 'local';

/** How an item is called, in titles and in names of files. */
export function itemName({ profile, region }: Item): string {
  return `${profile} in ${region}`;
}

/** An image that is copied to where another one is baked would take its pointer away, night by night. */
function refuseOverlap(config: HostsConfig, items: readonly Item[], file: string): void {
  for (const { profile, region } of items) {
    const place = config.regions[region];
    const given = config.profiles[profile];
    if (place === undefined || given === undefined) continue;
    const bakedIn = { apiRegion: place.apiRegion ?? region, isLab: place.lab === true };
    const copies = releasePlanOf(given, config.regions, bakedIn).regions.map(({ apiRegion }) => apiRegion);
    const twice = items.find(
      (other) => other.profile === profile && copies.includes(config.regions[other.region]?.apiRegion ?? other.region),
    );
    if (twice !== undefined)
      throw userError(
        'NIGHTLY_OVERLAP',
        `${profile} is baked in ${region} and in ${twice.region}, and ${file} has it copied from one to the other.`,
        `bake it in one of them, or leave the other out of profiles.${profile}.release.regions`,
      );
  }
}

/**
 * Pure: every wanted profile in every wanted region. Where only the one or the other was named, hosts.yaml's `nightly`
 * says the rest, else the region's own profile, or the lab.
 *
 * @throws EcsHostError (user) `PROFILE_UNKNOWN`, `REGION_UNKNOWN`, `NIGHTLY_OVERLAP`
 */
export function wantedItems(config: HostsConfig, { profiles, regions }: Named, file: string): readonly Item[] {
  const listed = config.nightly ?? [];
  const own = (region: string): Item => ({
    region,
    profile: select(config, { region, profile: null }, file).profileName,
  });
  const orElse = (found: readonly Item[], otherwise: () => Item): readonly Item[] =>
    found.length > 0 ? found : [otherwise()];
  const wanted = (): readonly Item[] => {
    if (profiles !== null && regions !== null)
      return regions.flatMap((region) => profiles.map((profile) => ({ profile, region })));
    if (regions !== null)
      return regions.flatMap((region) =>
        orElse(
          listed.filter((each) => each.region === region),
          () => own(region),
        ),
      );
    if (profiles !== null)
      return profiles.flatMap((profile) =>
        orElse(
          listed.filter((each) => each.profile === profile),
          () => ({ profile, region: LAB }),
        ),
      );
    return orElse(listed, () => own(LAB));
  };
  const items = new Map(wanted().map(({ profile, region }) => [`${profile} ${region}`, { profile, region }]));
  for (const { profile, region } of items.values()) select(config, { region, profile }, file);
  refuseOverlap(config, [...items.values()], file);
  return [...items.values()];
}

/** The matrix of a workflow: a job for each profile, which does all of its regions. */
export type Matrix = {
  readonly include: readonly {
    readonly profile: string;
    /** The words of a command line: `--region us-east-2 --region us-east-1`. Names are letters, digits and dashes. */
    readonly regions: string;
    /** The region of AWS whose endpoints the job is signed in at. */
    readonly awsRegion: string;
  }[];
};

/** Pure. A runner of somebody else has no lab, so what is for the lab is not in it. */
export function matrixOf(config: HostsConfig, items: readonly Item[]): Matrix {
  const elsewhere = items.filter(({ region }) => config.regions[region]?.lab !== true);
  return {
    include: [...Map.groupBy(elsewhere, ({ profile }) => profile)].map(([profile, its]) => {
      const regions = its.map(({ region }) => region);
      const first = regions[0] ?? '';
      return {
        profile,
        regions: regions.map((region) => `--region ${region}`).join(' '),
        awsRegion: config.regions[first]?.apiRegion ?? first,
      };
    }),
  };
}
