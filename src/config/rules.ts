import type { HostsConfig, Profile, Region } from './hosts-config.ts';
import { gpuOf, retirementOf } from './instance-types.ts';
import { nearest } from './nearest.ts';

/** What a rule between fields found. `path` leads to the value that has to change. */
export type Finding = {
  readonly severity: 'error' | 'warning';
  readonly code: string;
  readonly path: readonly (string | number)[];
  readonly reason: string;
  readonly hint: string;
};

/** Below this the protocol build and the base container image do not fit (docs/configuration.md). */
const SMALLEST_VOLUME_GIB = 16;
/** R580 is NVIDIA's last branch for Maxwell. */
const LAST_MAXWELL_BRANCH = 580;
const CODENAMES: Readonly<Record<string, readonly string[]>> = {
  ubuntu: ['focal', 'jammy', 'noble'],
  debian: ['bookworm'],
};
const PRIVATE_HOST = /^(localhost|127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.)/;

type ProfileRule = (profile: Partial<Profile>) => (Omit<Finding, 'path'> & { key: readonly string[] }) | null;

const error = (code: string, key: readonly string[], reason: string, hint: string) =>
  ({ severity: 'error', code, key, reason, hint }) as const;
const warning = (code: string, key: readonly string[], reason: string, hint: string) =>
  ({ severity: 'warning', code, key, reason, hint }) as const;

const PROFILE_RULES: readonly ProfileRule[] = [
  ({ rootVolume }) =>
    rootVolume?.sizeGiB !== undefined && rootVolume.sizeGiB < SMALLEST_VOLUME_GIB
      ? error(
          'VOLUME_TOO_SMALL',
          ['rootVolume', 'sizeGiB'],
          `${rootVolume.sizeGiB} GiB cannot hold the protocol build and the base container image`,
          `at least ${SMALLEST_VOLUME_GIB}; 32 is what the project ships`,
        )
      : null,
  ({ nvidia, instanceType }) =>
    nvidia && instanceType && gpuOf(instanceType) === null
      ? error(
          'GPU_PROFILE_ON_CPU_TYPE',
          ['instanceType'],
          `${instanceType} has no GPU, but the profile installs the NVIDIA driver`,
          'choose g4dn, g5 or g6, or remove `nvidia`',
        )
      : null,
  ({ nvidia, instanceType }) =>
    !nvidia && instanceType && gpuOf(instanceType) !== null
      ? warning(
          'CPU_PROFILE_ON_GPU_TYPE',
          ['instanceType'],
          `${instanceType} has a GPU, but the profile installs no driver`,
          'add `nvidia`, or save money with a type without a GPU',
        )
      : null,
  ({ instanceType }) => {
    const retired = instanceType ? retirementOf(instanceType) : null;
    return retired
      ? warning(
          'INSTANCE_TYPE_RETIRED',
          ['instanceType'],
          `AWS retired ${instanceType} on ${retired.since}`,
          `its successors are ${retired.successors}`,
        )
      : null;
  },
  ({ nvidia, instanceType }) =>
    nvidia?.kernelModule === 'open' && instanceType && gpuOf(instanceType) === 'maxwell'
      ? error(
          'OPEN_MODULE_ON_MAXWELL',
          ['nvidia', 'kernelModule'],
          `${instanceType} is Maxwell, and the open kernel module needs Turing or newer`,
          'set it to `proprietary`',
        )
      : null,
  ({ nvidia, instanceType }) =>
    nvidia?.driverVersion &&
    instanceType &&
    gpuOf(instanceType) === 'maxwell' &&
    Number.parseInt(nvidia.driverVersion, 10) > LAST_MAXWELL_BRANCH
      ? error(
          'DRIVER_TOO_NEW_FOR_MAXWELL',
          ['nvidia', 'driverVersion'],
          `R${Number.parseInt(nvidia.driverVersion, 10)} no longer drives the Maxwell GPU of ${instanceType}`,
          `use a driver of branch ${LAST_MAXWELL_BRANCH}`,
        )
      : null,
  ({ nvidia }) =>
    nvidia?.driverVersion && nvidia.driverUrl && !nvidia.driverUrl.includes(nvidia.driverVersion)
      ? error(
          'DRIVER_URL_MISMATCH',
          ['nvidia', 'driverUrl'],
          `the URL does not name version ${nvidia.driverVersion}`,
          'change version, URL and sha256 together',
        )
      : null,
  ({ os }) =>
    os?.distribution && os.codename && !(CODENAMES[os.distribution] ?? []).includes(os.codename)
      ? error(
          'CODENAME_MISMATCH',
          ['os', 'codename'],
          `${os.codename} is no release of ${os.distribution}`,
          `one of: ${(CODENAMES[os.distribution] ?? []).join(', ')}`,
        )
      : null,
  ({ os, docker }) =>
    os?.codename === 'focal' && docker?.source === 'distribution'
      ? warning(
          'DISTRIBUTION_DOCKER_OLD',
          ['docker', 'source'],
          "focal's own Docker gets no updates any more",
          'use docker-ce',
        )
      : null,
  ({ ecsAgent }) =>
    ecsAgent?.source === 'aws' && ecsAgent.package === undefined
      ? error(
          'ECS_PACKAGE_MISSING',
          ['ecsAgent'],
          "source aws needs `package`, the URL of Amazon's deb",
          'https://s3.<region>.amazonaws.com/amazon-ecs-agent-<region>/amazon-ecs-init-latest.amd64.deb',
        )
      : null,
  ({ ecsAgent }) =>
    ecsAgent?.source === 'lab-stand-in' && ecsAgent.package !== undefined
      ? error(
          'ECS_PACKAGE_UNUSED',
          ['ecsAgent', 'package'],
          'the stand-in is built by the project; `package` would be ignored',
          'remove `package`',
        )
      : null,
  ({ transport, sshSourceCidrs }) =>
    transport === 'ssh' && (sshSourceCidrs ?? []).length === 0
      ? error(
          'SSH_SOURCES_MISSING',
          ['transport'],
          'transport ssh needs sshSourceCidrs, or nobody gets in',
          'name the addresses that you come from, for example [203.0.113.7/32]',
        )
      : null,
  ({ sshSourceCidrs }) =>
    (sshSourceCidrs ?? []).includes('0.0.0.0/0')
      ? error(
          'SSH_OPEN_TO_WORLD',
          ['sshSourceCidrs'],
          'ssh would be open to the whole internet while the image is built',
          'name the addresses that you come from, or use session-manager',
        )
      : null,
  ({ transport, sshSourceCidrs }) =>
    transport !== 'ssh' && (sshSourceCidrs ?? []).length > 0
      ? error(
          'SSH_SOURCES_UNUSED',
          ['sshSourceCidrs'],
          'sshSourceCidrs means nothing under transport session-manager',
          'remove it, or set transport: ssh',
        )
      : null,
  ({ workload }) => {
    const host = workload?.repository?.startsWith('http://') ? workload.repository.slice('http://'.length) : null;
    return host !== null && !PRIVATE_HOST.test(host)
      ? error(
          'REPOSITORY_NOT_ENCRYPTED',
          ['workload', 'repository'],
          'plain http to a public host: what is built on the image could be exchanged on the way',
          'use https',
        )
      : null;
  },
];

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const checkRegion = (name: string, region: Partial<Region>, profiles: readonly string[]): Finding[] => {
  const findings: Finding[] = [];
  const path = (...keys: string[]): string[] => ['regions', name, ...keys];
  if (typeof region.profile === 'string' && !profiles.includes(region.profile)) {
    const close = nearest(region.profile, profiles);
    findings.push({
      severity: 'error',
      code: 'PROFILE_UNKNOWN',
      path: path('profile'),
      reason: `there is no profile ${region.profile}`,
      hint: close === null ? `known: ${profiles.join(', ')}` : `did you mean ${close}?`,
    });
  }
  if (region.lab === true && region.apiRegion === undefined) {
    findings.push({
      severity: 'error',
      code: 'API_REGION_MISSING',
      path: path(),
      reason: 'a lab region needs apiRegion, the region name that the lab answers for',
      hint: 'apiRegion: us-west-2',
    });
  }
  if (region.lab !== true && region.apiRegion === undefined && !/^[a-z]{2}(-[a-z]+)+-\d$/.test(name)) {
    findings.push({
      severity: 'error',
      code: 'REGION_NAME_UNKNOWN',
      path: path(),
      reason: `${name} is no name of an AWS region`,
      hint: 'name it as AWS does (us-east-2), or set apiRegion',
    });
  }
  return findings;
};

/** A rule that trips over a value of the wrong shape has nothing to add: the schema names that shape. */
const tolerate = <T>(look: () => T): T | null => {
  try {
    return look();
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
};

/** All rules over whatever of the configuration has a usable shape; the schema reports the rest. Pure. */
export const checkRules = (config: HostsConfig): Finding[] => {
  const findings: Finding[] = [];
  const profiles: unknown = config?.profiles;
  const regions: unknown = config?.regions;
  if (isObject(profiles)) {
    for (const [name, profile] of Object.entries(profiles)) {
      if (!isObject(profile)) continue;
      for (const rule of PROFILE_RULES) {
        const found = tolerate(() => rule(profile as Partial<Profile>));
        if (!found) continue;
        const { key, ...finding } = found;
        findings.push({ ...finding, path: ['profiles', name, ...key] });
      }
    }
  }
  if (isObject(regions)) {
    const names = isObject(profiles) ? Object.keys(profiles) : [];
    for (const [name, region] of Object.entries(regions)) {
      if (isObject(region)) findings.push(...checkRegion(name, region as Partial<Region>, names));
    }
  }
  return findings;
};
