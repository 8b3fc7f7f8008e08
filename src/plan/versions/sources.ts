import type { TargetConfig } from '#contracts/target-config.ts';
import type { Index } from './package-index.ts';

/** Where versions are asked for. Tests, and a mirror of one's own, have others. */
export type VersionSources = {
  readonly docker: string;
  readonly debian: string;
  readonly debianSecurity: string;
  readonly ubuntu: string;
  readonly agentReleases: string;
  readonly awsCliReleases: string;
  readonly awsCli: string;
  /** Where a file of an official host is looked for. */
  readonly reach: (url: string) => string;
};

const PUBLIC: VersionSources = {
  docker: 'https://download.docker.com/linux',
  // Over http, as the lab's mirror asks them: this is a number, and apt on the instance verifies what it fetches.
  debian: 'http://ftp.debian.org/debian',
  debianSecurity: 'http://security.debian.org/debian-security',
  ubuntu: 'http://archive.ubuntu.com/ubuntu',
  agentReleases: 'https://github.com/aws/amazon-ecs-agent/releases.atom',
  awsCliReleases: 'https://github.com/aws/aws-cli/tags.atom',
  awsCli: 'https://awscli.amazonaws.com',
  reach: (url) => url,
};

/**
 * Machines of the lab take Debian's packages from the lab, so the lab is asked what there is, and the rest where it
 * stands in for official hosts.
 */
export function versionSources(labEndpoint: string | null, hasStandIns: boolean): VersionSources {
  if (labEndpoint === null) return PUBLIC;
  const mirror = new URL('/_lab/mirror', labEndpoint).href;
  const fromMirror = { ...PUBLIC, debian: `${mirror}/debian`, debianSecurity: `${mirror}/debian-security` };
  if (!hasStandIns) return fromMirror;
  const reach = (url: string): string => {
    const { host, pathname } = new URL(url);
    return new URL(`/_lab/official/${host}${pathname.replace(/\/$/, '')}`, labEndpoint).href;
  };
  const { docker, ubuntu, agentReleases, awsCliReleases, awsCli } = PUBLIC;
  return {
    ...fromMirror,
    docker: reach(docker),
    ubuntu: reach(ubuntu),
    agentReleases: reach(agentReleases),
    awsCliReleases: reach(awsCliReleases),
    awsCli: reach(awsCli),
    reach,
  };
}

type Os = TargetConfig['os'];

export function dockerIndex({ docker }: VersionSources, { distribution, codename }: Os): Index {
  return { release: `${docker}/${distribution}/dists/${codename}`, path: 'stable/binary-amd64/Packages' };
}

/** The suites of the archive that a bake's security updates come from: their names, and where their release is. */
export function updateSuites(
  { debianSecurity, ubuntu }: VersionSources,
  { distribution, codename }: Os,
): readonly { readonly suite: string; readonly release: string }[] {
  const suite = `${codename}-security`;
  return [{ suite, release: `${distribution === 'debian' ? debianSecurity : ubuntu}/dists/${suite}` }];
}

/** All indexes that apt on a base image of the distribution reads and that may have our packages. */
export function distributionIndexes(sources: VersionSources, { distribution, codename }: Os): readonly Index[] {
  const { debian, debianSecurity, ubuntu } = sources;
  const isDebian = distribution === 'debian';
  const security = isDebian ? debianSecurity : ubuntu;
  const main = isDebian ? debian : ubuntu;
  const path = `${isDebian ? 'main' : 'universe'}/binary-amd64/Packages.xz`;
  return [
    `${main}/dists/${codename}`,
    `${main}/dists/${codename}-updates`,
    `${security}/dists/${codename}-security`,
  ].map((release) => ({ release, path }));
}
