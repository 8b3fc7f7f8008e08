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

type Found = { readonly key: readonly string[]; readonly reason: string; readonly hint: string };

/** A rule between the fields of a profile. `title` stands in docs/configuration.md. */
type ProfileRule = {
  readonly code: string;
  readonly severity: Finding['severity'];
  readonly title: string;
  readonly check: (profile: Partial<Profile>) => Found | null;
};

export const PROFILE_RULES: readonly ProfileRule[] = [
  {
    code: 'VOLUME_TOO_SMALL',
    severity: 'error',
    title: 'The root volume holds the protocol build and the base container image: at least 16 GiB.',
    check: ({ rootVolume }) =>
      rootVolume?.sizeGiB !== undefined && rootVolume.sizeGiB < SMALLEST_VOLUME_GIB
        ? {
            key: ['rootVolume', 'sizeGiB'],
            reason: `${rootVolume.sizeGiB} GiB cannot hold the protocol build and the base container image`,
            hint: `at least ${SMALLEST_VOLUME_GIB}; 32 is what the project ships`,
          }
        : null,
  },
  {
    code: 'GPU_PROFILE_ON_CPU_TYPE',
    severity: 'error',
    title: 'A profile with `nvidia` needs an instance type with an NVIDIA GPU.',
    check: ({ nvidia, instanceType }) =>
      nvidia && instanceType && gpuOf(instanceType) === null
        ? {
            key: ['instanceType'],
            reason: `${instanceType} has no GPU, but the profile installs the NVIDIA driver`,
            hint: 'choose g4dn, g5 or g6, or remove `nvidia`',
          }
        : null,
  },
  {
    code: 'CPU_PROFILE_ON_GPU_TYPE',
    severity: 'warning',
    title: 'A profile without `nvidia` leaves the GPU of its instance type unused.',
    check: ({ nvidia, instanceType }) =>
      !nvidia && instanceType && gpuOf(instanceType) !== null
        ? {
            key: ['instanceType'],
            reason: `${instanceType} has a GPU, but the profile installs no driver`,
            hint: 'add `nvidia`, or save money with a type without a GPU',
          }
        : null,
  },
  {
    code: 'INSTANCE_TYPE_RETIRED',
    severity: 'warning',
    title: 'AWS no longer gives this instance type to new users.',
    check: ({ instanceType }) => {
      const retired = instanceType ? retirementOf(instanceType) : null;
      return retired
        ? {
            key: ['instanceType'],
            reason: `AWS retired ${instanceType} on ${retired.since}`,
            hint: `its successors are ${retired.successors}`,
          }
        : null;
    },
  },
  {
    code: 'OPEN_MODULE_ON_MAXWELL',
    severity: 'error',
    title: 'The open kernel module needs Turing or newer.',
    check: ({ nvidia, instanceType }) =>
      nvidia?.kernelModule === 'open' && instanceType && gpuOf(instanceType) === 'maxwell'
        ? {
            key: ['nvidia', 'kernelModule'],
            reason: `${instanceType} is Maxwell, and the open kernel module needs Turing or newer`,
            hint: 'set it to `proprietary`',
          }
        : null,
  },
  {
    code: 'DRIVER_TOO_NEW_FOR_MAXWELL',
    severity: 'error',
    title: 'R580 is the last driver branch for Maxwell (g3).',
    check: ({ nvidia, instanceType }) =>
      nvidia?.driverVersion &&
      instanceType &&
      gpuOf(instanceType) === 'maxwell' &&
      Number.parseInt(nvidia.driverVersion, 10) > LAST_MAXWELL_BRANCH
        ? {
            key: ['nvidia', 'driverVersion'],
            reason: `R${Number.parseInt(nvidia.driverVersion, 10)} no longer drives the Maxwell GPU of ${instanceType}`,
            hint: `use a driver of branch ${LAST_MAXWELL_BRANCH}`,
          }
        : null,
  },
  {
    code: 'DRIVER_URL_MISMATCH',
    severity: 'error',
    title: '`driverUrl` names `driverVersion`.',
    check: ({ nvidia }) =>
      nvidia?.driverVersion && nvidia.driverUrl && !nvidia.driverUrl.includes(nvidia.driverVersion)
        ? {
            key: ['nvidia', 'driverUrl'],
            reason: `the URL does not name version ${nvidia.driverVersion}`,
            hint: 'change version, URL and sha256 together',
          }
        : null,
  },
  {
    code: 'CODENAME_MISMATCH',
    severity: 'error',
    title: '`codename` is a release of `distribution`.',
    check: ({ os }) =>
      os?.distribution && os.codename && !(CODENAMES[os.distribution] ?? []).includes(os.codename)
        ? {
            key: ['os', 'codename'],
            reason: `${os.codename} is no release of ${os.distribution}`,
            hint: `one of: ${(CODENAMES[os.distribution] ?? []).join(', ')}`,
          }
        : null,
  },
  {
    code: 'DISTRIBUTION_DOCKER_OLD',
    severity: 'warning',
    title: "Ubuntu 20.04's own Docker gets no updates.",
    check: ({ os, docker }) =>
      os?.codename === 'focal' && docker?.source === 'distribution'
        ? { key: ['docker', 'source'], reason: "focal's own Docker gets no updates any more", hint: 'use docker-ce' }
        : null,
  },
  {
    code: 'ECS_PACKAGE_MISSING',
    severity: 'error',
    title: 'Source `aws` needs `package`.',
    check: ({ ecsAgent }) =>
      ecsAgent?.source === 'aws' && ecsAgent.package === undefined
        ? {
            key: ['ecsAgent'],
            reason: "source aws needs `package`, the URL of Amazon's deb",
            hint: 'https://s3.<region>.amazonaws.com/amazon-ecs-agent-<region>/amazon-ecs-init-latest.amd64.deb',
          }
        : null,
  },
  {
    code: 'ECS_PACKAGE_UNUSED',
    severity: 'error',
    title: 'Source `lab-stand-in` has no `package`.',
    check: ({ ecsAgent }) =>
      ecsAgent?.source === 'lab-stand-in' && ecsAgent.package !== undefined
        ? {
            key: ['ecsAgent', 'package'],
            reason: 'the stand-in is built by the project; `package` would be ignored',
            hint: 'remove `package`',
          }
        : null,
  },
  {
    code: 'SSH_SOURCES_MISSING',
    severity: 'error',
    title: 'Transport `ssh` needs `sshSourceCidrs`.',
    check: ({ transport, sshSourceCidrs }) =>
      transport === 'ssh' && (sshSourceCidrs ?? []).length === 0
        ? {
            key: ['transport'],
            reason: 'transport ssh needs sshSourceCidrs, or nobody gets in',
            hint: 'name the addresses that you come from, for example [203.0.113.7/32]',
          }
        : null,
  },
  {
    code: 'SSH_OPEN_TO_WORLD',
    severity: 'error',
    title: 'ssh is not opened to the whole internet.',
    check: ({ sshSourceCidrs }) =>
      (sshSourceCidrs ?? []).includes('0.0.0.0/0')
        ? {
            key: ['sshSourceCidrs'],
            reason: 'ssh would be open to the whole internet while the image is built',
            hint: 'name the addresses that you come from, or use session-manager',
          }
        : null,
  },
  {
    code: 'SSH_SOURCES_UNUSED',
    severity: 'error',
    title: '`sshSourceCidrs` belongs to transport `ssh`.',
    check: ({ transport, sshSourceCidrs }) =>
      transport !== 'ssh' && (sshSourceCidrs ?? []).length > 0
        ? {
            key: ['sshSourceCidrs'],
            reason: 'sshSourceCidrs means nothing under transport session-manager',
            hint: 'remove it, or set transport: ssh',
          }
        : null,
  },
  {
    code: 'REPOSITORY_NOT_ENCRYPTED',
    severity: 'error',
    title: 'The workload does not come over plain http from a public host.',
    check: ({ workload }) => {
      const host = workload?.repository?.startsWith('http://') ? workload.repository.slice('http://'.length) : null;
      return host !== null && !PRIVATE_HOST.test(host)
        ? {
            key: ['workload', 'repository'],
            reason: 'plain http to a public host: what is built on the image could be exchanged on the way',
            hint: 'use https',
          }
        : null;
    },
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
        const found = tolerate(() => rule.check(profile as Partial<Profile>));
        if (!found) continue;
        const { key, ...finding } = found;
        findings.push({ severity: rule.severity, code: rule.code, ...finding, path: ['profiles', name, ...key] });
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
