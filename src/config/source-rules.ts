import type { ProfileRule } from './rule.ts';

const CODENAMES: Readonly<Record<string, readonly string[]>> = {
  ubuntu: ['focal', 'jammy', 'noble'],
  debian: ['bookworm'],
};

/** AWS calls them NVIDIA-Linux-x86_64-VERSION-grid-aws.run, NVIDIA -grid.run. */
function isGridInstaller(url: string): boolean {
  return /-grid(-[a-z]+)?\.run$/.test(url);
}

/** Rules about what is installed, and from where. */
export const SOURCE_RULES: readonly ProfileRule[] = [
  {
    code: 'DRIVER_KIND_MISMATCH',
    severity: 'error',
    title: 'The installer of a `grid` driver has `grid` in its name, and no other has.',
    check: ({ nvidia }) => {
      if (!nvidia?.driverUrl) return null;
      const kind = isGridInstaller(nvidia.driverUrl) ? 'grid' : 'data-center';
      return kind === (nvidia.kind ?? 'data-center')
        ? null
        : {
            key: ['nvidia', 'driverUrl'],
            reason: `by its name this is a ${kind} driver, and kind is ${nvidia.kind ?? 'data-center'}`,
            hint: `set kind: ${kind}, or name the other installer`,
          };
    },
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
    code: 'SOURCE_FOR_ARM',
    severity: 'error',
    title: '`package`, `driverUrl` and `baseImage.name` are for x86_64, not for Arm.',
    check: ({ baseImage, ecsAgent, nvidia }) =>
      [
        { key: ['baseImage', 'name'], text: baseImage?.name },
        { key: ['ecsAgent', 'package'], text: ecsAgent?.package },
        { key: ['nvidia', 'driverUrl'], text: nvidia?.driverUrl },
      ].flatMap(({ key, text }) => {
        const name = /aarch64|arm64/i.exec(text ?? '')?.[0];
        return name === undefined || /amd64|x86_64/i.test(text ?? '')
          ? []
          : [
              {
                key,
                reason: `${name} is for Arm processors, and images are built for x86_64`,
                hint: 'take the one for amd64 or x86_64',
              },
            ];
      }),
  },
  {
    code: 'BASE_IMAGE_MISMATCH',
    severity: 'warning',
    title: '`baseImage.name` does not name another release than `codename`.',
    check: ({ os, baseImage }) => {
      const name = baseImage?.name ?? '';
      const other = Object.values(CODENAMES)
        .flat()
        .find((codename) => name.includes(codename));
      return other === undefined || !os?.codename || name.includes(os.codename)
        ? null
        : {
            key: ['baseImage', 'name'],
            reason: `the image is of ${other}, and os.codename is ${os.codename}`,
            hint: 'change both together',
          };
    },
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
    code: 'SECURITY_UPDATES_ENDED',
    severity: 'warning',
    title:
      'The release gets security updates; Ubuntu 20.04 gets none since May 2025. `securityUpdates: false` ends it.',
    check: ({ os, securityUpdates }) =>
      os?.codename === 'focal' && securityUpdates !== false
        ? {
            key: ['os', 'codename'],
            reason: 'Ubuntu 20.04 gets no security updates since May 2025 but with Ubuntu Pro',
            hint: 'move to jammy or noble (g4dn-jammy, g5-jammy, g6-noble), or accept it: securityUpdates: false',
          }
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
      // With a package it is the source that has to change.
      ecsAgent?.source === 'lab-stand-in' && ecsAgent.package === undefined && (ecsAgent.apiEndpoint ?? null) === null
        ? {
            key: ['ecsAgent'],
            reason: 'source lab-stand-in needs `apiEndpoint`, the ECS API of the lab',
            hint: 'apiEndpoint: http://lab.internal:8080',
          }
        : null,
  },
];
