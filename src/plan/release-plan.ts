import type { HostsConfig, Profile, Region } from '../config/hosts-config.ts';
import type { ReleasePlan, ReleaseRegion } from './build-plan.ts';

function regionOf(name: string, region: Region): ReleaseRegion {
  return {
    name,
    apiRegion: region.apiRegion ?? name,
    kmsKey: region.kmsKey ?? null,
    securityGroup: region.securityGroup,
    instanceProfile: region.instanceProfile,
    vpcId: region.vpcId ?? null,
    subnetIds: region.subnetIds ?? null,
  };
}

/**
 * What hosts.yaml says of releases of a profile that was baked in a region. Pure. Nothing is copied between the lab and
 * AWS, so what a profile says of one is left out in the other.
 */
export function releasePlanOf(
  { release = {} }: Pick<Profile, 'release'>,
  regions: HostsConfig['regions'],
  bakedIn: { readonly apiRegion: string; readonly isLab: boolean },
): ReleasePlan {
  const {
    regions: names = [],
    verifyCopies = 'smoke',
    share = {},
    deprecateAfterDays = null,
    protect = false,
  } = release;
  return {
    regions: names
      .flatMap((name) => {
        const region = regions[name];
        return region !== undefined && (region.lab === true) === bakedIn.isLab ? [regionOf(name, region)] : [];
      })
      .filter(({ apiRegion }) => apiRegion !== bakedIn.apiRegion),
    verifyCopies,
    share: {
      accounts: share.accounts ?? [],
      organizations: share.organizations ?? [],
      organizationalUnits: share.organizationalUnits ?? [],
    },
    deprecateAfterDays,
    protect,
  };
}
