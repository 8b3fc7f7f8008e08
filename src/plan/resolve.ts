import { resolve } from 'node:path';
import { onHost } from '#contracts/host-paths.ts';
import type { ProvisionedEntry } from '#contracts/provisioned.ts';
import { PROVISIONERS, type Variant } from '#contracts/provisioners.ts';
import type { TargetConfig } from '#contracts/target-config.ts';
import { type BundleFile, type NodeBinary, OWN_PROGRAM, STAND_IN_PACKAGE } from '../bundle/names.ts';
import { runsWithoutFirmware } from '../config/gpu-firmware.ts';
import type { HostsConfig, Profile, Region, WorkloadPorts } from '../config/hosts-config.ts';
import type { ConfigDetail } from '../config/load.ts';
import { instanceTypesOf } from '../config/profile-types.ts';
import { wantsGpuUnderQemu } from '../config/region-rules.ts';
import { volumeGiBOf } from '../config/root-volume.ts';
import { userError } from '../io/errors.ts';
import { nearest } from '../io/nearest.ts';
import { planTags } from '../run/tags.ts';
import { type BuildPlan, PLAN_VERSION, type Transport, type WorkloadCredential } from './build-plan.ts';
import { digestOf } from './digest.ts';
import type { Facts } from './facts.ts';
import { layersOf } from './layers.ts';
import { provisioningSteps } from './provisioning.ts';
import { releasePlanOf } from './release-plan.ts';
import { layersStandIn, type StandIns, withStandIns } from './stand-ins.ts';
import { TOOLCHAIN } from './toolchain.ts';
import { officialTrust } from './trust.ts';
import type { PackageLists } from './versions/package-lists.ts';
import { pinned, type Versions } from './versions/resolve-versions.ts';

export type Selection = {
  readonly regionName: string;
  readonly region: Region;
  readonly profileName: string;
  readonly profile: Profile;
  /** All of hosts.yaml: an image may be released to others. */
  readonly regions: HostsConfig['regions'];
};

function pick<T>(all: Readonly<Record<string, T>>, name: string, kind: 'region' | 'profile', file: string): T {
  const found = Object.hasOwn(all, name) ? all[name] : undefined;
  if (found !== undefined) return found;
  const known = Object.keys(all);
  const close = nearest(name, known);
  throw userError(
    kind === 'region' ? 'REGION_UNKNOWN' : 'PROFILE_UNKNOWN',
    `${file} has no ${kind} ${name}.`,
    close === null ? `known: ${known.join(', ')}` : `did you mean ${close}?`,
  );
}

/** A profile by its name alone, for what needs no region. @throws EcsHostError (user) when hosts.yaml has no such */
export function profileNamed(config: HostsConfig, name: string, file: string): Profile {
  return pick(config.profiles, name, 'profile', file);
}

/** The region and profile that a command names. @throws EcsHostError (user) when hosts.yaml has no such */
export function select(
  config: HostsConfig,
  names: { region: string; profile: string | null },
  file: string,
): Selection {
  const region = pick(config.regions, names.region, 'region', file);
  const profileName = names.profile ?? region.profile;
  const profile = pick(config.profiles, profileName, 'profile', file);
  if (wantsGpuUnderQemu(region, profile))
    throw userError(
      'MACHINE_WITHOUT_GPU',
      `${profileName} needs a GPU, and machines under QEMU, as region ${names.region} has them, have none.`,
      `leave machine out at ${names.region} in ${file}, or name a profile without nvidia`,
    );
  return { regionName: names.region, region, profileName, profile, regions: config.regions };
}

export function machineOf(region: Region): BuildPlan['machine'] {
  return region.lab === true ? (region.machine ?? 'nspawn') : null;
}

export function transportOf(profile: Profile): Transport {
  return profile.transport ?? 'session-manager';
}

export function portsOf(profile: Profile): WorkloadPorts {
  return profile.workload.ports ?? { discoveryTcp: 32262, streamUdp: 32263, streamTcp: 32273 };
}

/** AWS's own copy of Docker's official images: no limit on who pulls without a name from inside AWS. */
const PUBLIC_REGISTRY = 'public.ecr.aws/docker/library';
/** GitHub's user for a token of any kind. */
const TOKEN_USER = 'x-access-token';
/** As GitHub publishes it among its fingerprints. */
const GITHUB_KEY = 'github.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';

function credentialOf({ credential }: Profile['workload']): WorkloadCredential | null {
  if (credential === undefined) return null;
  const { kind, secret, parameter, user = TOKEN_USER, hostKeys = [GITHUB_KEY] } = credential;
  const store = secret === undefined ? 'parameter-store' : 'secrets-manager';
  return { kind, store, name: secret ?? parameter ?? '', user, hostKeys };
}

/** @param configFolder of hosts.yaml, which a folder of the workload is named from */
export function workloadOf(profile: Profile, configFolder: string): BuildPlan['developerWorkload'] {
  const { workload } = profile;
  const { repository: url, folder, ref = '', submoduleRefs = {}, app, baseImageRegistry = PUBLIC_REGISTRY } = workload;
  return {
    repository: url === undefined ? null : { url, ref, submoduleRefs, credential: credentialOf(workload) },
    folder: folder === undefined ? null : resolve(configFolder, folder),
    app,
    baseImageRegistry,
    ports: portsOf(profile),
  };
}

export function targetOf(profileName: string, profile: Profile, variant: Variant = 'host'): TargetConfig {
  const sources = {
    docker: {
      source: profile.docker.source,
      version: profile.docker.version ?? null,
      insecureRegistries: profile.docker.insecureRegistries ?? [],
    },
    ecsAgent: {
      source: profile.ecsAgent.source,
      package: profile.ecsAgent.package ?? STAND_IN_PACKAGE,
      sha256: profile.ecsAgent.sha256 ?? null,
    },
    nvidia: profile.nvidia
      ? {
          ...profile.nvidia,
          kind: profile.nvidia.kind ?? 'data-center',
          withoutFirmware: runsWithoutFirmware(profile),
          driverBranch: profile.nvidia.driverVersion.split('.')[0] ?? profile.nvidia.driverVersion,
        }
      : null,
    userTools: { awsCli: { source: profile.awsCli?.source ?? 'aws', version: profile.awsCli?.version ?? null } },
  } satisfies Partial<TargetConfig>;
  return {
    version: 1,
    profile: profileName,
    variant,
    os: { distribution: profile.os.distribution, codename: profile.os.codename },
    sshUser: profile.os.sshUser,
    provisioners: PROVISIONERS[variant].filter((name) => name !== 'nvidia' || Boolean(profile.nvidia)),
    ...sources,
    hostService: { entry: onHost(profile.hostService ? OWN_PROGRAM : 'bin/ecs-hostd.mjs') },
    trust: officialTrust(sources),
    securityUpdates: profile.securityUpdates ?? true,
    swapMiB: profile.swapMiB ?? 0,
  };
}

export type ResolveInput = {
  readonly selection: Selection;
  readonly facts: Facts;
  readonly versions: Versions;
  readonly packageLists: PackageLists;
  /** Null where official hosts are what they are. */
  readonly standIns: StandIns | null;
  readonly endpointUrl: string | null;
  readonly bundles: readonly BundleFile[];
  readonly node: NodeBinary;
  /** What the provisioners that are carried leave of `plannedTarget`. */
  readonly provisioned: readonly ProvisionedEntry[];
  readonly hostProgram: string | null;
  /** Of hosts.yaml. */
  readonly configFolder: string;
  readonly warnings: readonly ConfigDetail[];
};

function listsUnknown(reason: string): BuildPlan['warnings'][number] {
  return {
    code: 'PACKAGE_LISTS_UNKNOWN',
    message: `What security updates there are is not known: ${reason}.`,
    hint: 'the image is baked, as if there were new ones; plan again when the archive answers',
  };
}

/** Pure: the target of a plan. */
export function plannedTarget({
  selection: { profileName, profile },
  versions,
  standIns,
}: Pick<ResolveInput, 'selection' | 'versions' | 'standIns'>): TargetConfig {
  return withStandIns(pinned(targetOf(profileName, profile), versions), standIns);
}

/** Pure: configuration, facts and hashes in, plan out. */
export function resolvePlan({
  selection,
  facts,
  versions,
  packageLists: { lists: packageLists, reasons },
  standIns,
  endpointUrl,
  bundles,
  node,
  provisioned,
  hostProgram,
  configFolder,
  warnings,
}: ResolveInput): BuildPlan {
  const { regionName, region, profileName, profile, regions } = selection;
  const apiRegion = region.apiRegion ?? regionName;
  const isLab = region.lab === true;
  const target = plannedTarget({ selection, versions, standIns });
  const gpu = target.nvidia !== null;
  const rootVolume = { sizeGiB: volumeGiBOf(profile), type: 'gp3', encrypted: true } as const;
  const provisioning = provisioningSteps(target.provisioners);
  const { baseImage } = facts;
  const toolchain = TOOLCHAIN;
  const made = { gpu, rootVolume, target, packageLists, bundles, node, toolchain, provisioning, provisioned };
  const determined = { baseImage, ...made };
  const digest = digestOf(determined);
  const planName = `${profileName}-${digest.slice(0, 12)}`;
  const imageName = `ecs-host-${planName}`;
  const developerWorkload = workloadOf(profile, configFolder);
  const about = ({ key }: ConfigDetail): boolean =>
    key.startsWith(`profiles.${profileName}.`) || key.startsWith(`regions.${regionName}.`);
  return {
    planVersion: PLAN_VERSION,
    digest,
    planName,
    profile: profileName,
    region: regionName,
    apiRegion,
    isLab,
    machine: machineOf(region),
    endpointUrl,
    ...determined,
    instanceTypes: instanceTypesOf(profile),
    kmsKey: region.kmsKey ?? null,
    network: {
      transport: transportOf(profile),
      sshUser: profile.os.sshUser,
      securityGroup: facts.securityGroup,
      vpcId: facts.vpcId,
      sshSourceCidrs: profile.sshSourceCidrs ?? [],
    },
    placements: facts.placements,
    considered: facts.considered,
    instanceProfile: region.instanceProfile,
    buildInstanceProfile: region.buildInstanceProfile ?? region.instanceProfile,
    ecsAgentEndpoint: profile.ecsAgent.apiEndpoint ?? null,
    imageName,
    tags: planTags({ imageName, profile: profileName, digest, sourceImageId: baseImage.id }),
    layers: { areWanted: profile.layers ?? false, ...layersOf(determined) },
    hostProgram,
    developerWorkload,
    auditExceptions: profile.auditExceptions ?? [],
    release: releasePlanOf(profile, regions, { apiRegion, isLab }),
    substitutions: [
      ...(profile.substitutions ?? []),
      ...(standIns?.substitutions ?? []),
      ...layersStandIn(standIns, developerWorkload.baseImageRegistry),
    ],
    warnings: [
      ...warnings.filter(about).map(({ code, key, reason, hint }) => ({ code, message: `${key}: ${reason}`, hint })),
      ...reasons.map(listsUnknown),
    ],
  };
}
