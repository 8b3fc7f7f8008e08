import type { ProfileRule } from './rule.ts';

const CODENAMES: Readonly<Record<string, readonly string[]>> = {
  ubuntu: ['focal', 'jammy', 'noble'],
  debian: ['bookworm'],
};

/** Rules about what is installed, and from where. */
export const SOURCE_RULES: readonly ProfileRule[] = [
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
    code: 'ECS_ENDPOINT_MISSING',
    severity: 'error',
    title: 'Source `lab-stand-in` needs `apiEndpoint`: the stand-in does not speak to AWS.',
    check: ({ ecsAgent }) =>
      ecsAgent?.source === 'lab-stand-in' && (ecsAgent.apiEndpoint ?? null) === null
        ? {
            key: ['ecsAgent'],
            reason: 'source lab-stand-in needs `apiEndpoint`, the ECS API of the lab',
            hint: 'apiEndpoint: http://10.78.0.1:8080',
          }
        : null,
  },
];
