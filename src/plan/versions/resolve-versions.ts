import type { TargetConfig } from '#contracts/target-config.ts';
import { versionUnknown } from './ask.ts';
import { newest } from './debian-version.ts';
import { type Newest, newestIn } from './package-index.ts';
import { newestReleased } from './released.ts';
import { distributionIndexes, dockerIndex, type VersionSources } from './sources.ts';

/** What hosts.yaml leaves open, as it is today. Golden cases keep it, so that plans are made offline. */
export type Versions = {
  readonly docker: string;
  /** Of source `aws`: the deb's URL, which names its version. */
  readonly ecsAgentPackage: string;
  readonly awsCli: string;
};

const LATEST = /\/amazon-ecs-init-latest\.amd64\.deb$/;
const NUMBERS = /^\d+\.\d+\.\d+$/;

/** What may come from the distribution; an index is read once for all of it. */
const OF_DISTRIBUTION = ['docker.io', 'awscli'];

type OfDistribution = (name: string) => Promise<string>;

function distributionOf({ os }: TargetConfig, sources: VersionSources): OfDistribution {
  let reading: Promise<readonly Newest[]> | null = null;
  return async (name) => {
    reading ??= Promise.all(distributionIndexes(sources, os).map((index) => newestIn(index, OF_DISTRIBUTION)));
    const found = (await reading).flatMap((index) => index[name] ?? []);
    const version = newest(found);
    if (version === null) throw versionUnknown(name, `${os.distribution} ${os.codename} has no such package`);
    return version;
  };
}

async function dockerVersion(
  target: TargetConfig,
  sources: VersionSources,
  ofDistribution: OfDistribution,
): Promise<string> {
  const { source, version } = target.docker;
  if (version !== null) return version;
  if (source === 'distribution') return ofDistribution('docker.io');
  const index = dockerIndex(sources, target.os);
  const found = (await newestIn(index, ['docker-ce']))['docker-ce'] ?? null;
  if (found === null) throw versionUnknown('docker-ce', `${index.release} has no such package`);
  return found;
}

async function agentPackage({ ecsAgent }: TargetConfig, { agentReleases, reach }: VersionSources): Promise<string> {
  const { source, package: url } = ecsAgent;
  if (source !== 'aws' || !LATEST.test(url)) return url;
  const urlOf = (version: string): string => url.replace(LATEST, `/amazon-ecs-init-${version}-1.amd64.deb`);
  const what = 'the ECS agent';
  const released = { what, feed: agentReleases, wanted: NUMBERS, urlOf: (version: string) => reach(urlOf(version)) };
  return urlOf(await newestReleased(released));
}

async function awsCliVersion(
  target: TargetConfig,
  sources: VersionSources,
  ofDistribution: OfDistribution,
): Promise<string> {
  const { source, version } = target.userTools.awsCli;
  if (version !== null) return version;
  if (source === 'distribution') return ofDistribution('awscli');
  return newestReleased({
    what: 'the AWS CLI',
    feed: sources.awsCliReleases,
    wanted: /^2\.\d+\.\d+$/,
    urlOf: (each) => `${sources.awsCli}/awscli-exe-linux-x86_64-${each}.zip`,
  });
}

/**
 * Asks for what the target leaves open; what hosts.yaml names is not asked for.
 *
 * @throws EcsHostError (outside) `VERSION_UNKNOWN`
 */
export async function resolveVersions(target: TargetConfig, sources: VersionSources): Promise<Versions> {
  const ofDistribution = distributionOf(target, sources);
  const [docker, ecsAgentPackage, awsCli] = await Promise.all([
    dockerVersion(target, sources, ofDistribution),
    agentPackage(target, sources),
    awsCliVersion(target, sources, ofDistribution),
  ]);
  return { docker, ecsAgentPackage, awsCli };
}

/** Pure: the target with nothing left open. */
export function pinned(target: TargetConfig, { docker, ecsAgentPackage, awsCli }: Versions): TargetConfig {
  return {
    ...target,
    docker: { ...target.docker, version: docker },
    ecsAgent: { ...target.ecsAgent, package: ecsAgentPackage },
    userTools: { ...target.userTools, awsCli: { ...target.userTools.awsCli, version: awsCli } },
  };
}
