import type { TargetConfig } from '#contracts/target-config.ts';

/** As `plan` writes it for the lab's profile. */
export const target: TargetConfig = {
  version: 1,
  profile: 'cpu-bookworm',
  os: { distribution: 'debian', codename: 'bookworm' },
  sshUser: 'admin',
  provisioners: [
    'base',
    'docker',
    'ecs-agent',
    'host-service',
    'imds-block',
    'limits',
    'user-tools',
    'record-versions',
    'clean',
    'verify',
  ],
  docker: { source: 'distribution', version: null, insecureRegistries: ['10.78.0.1:5000'] },
  ecsAgent: { source: 'lab-stand-in', package: 'ecs-agent-lab-stand-in.deb', sha256: null },
  nvidia: null,
  hostService: { entry: '/opt/ecs-host/bin/ecs-hostd.mjs' },
  userTools: { awsCli: { source: 'distribution', version: null } },
  swapMiB: 0,
};

/** As for g3s.xlarge: Maxwell. */
export const nvidia: NonNullable<TargetConfig['nvidia']> = {
  driverBranch: '580',
  driverVersion: '580.178.04',
  driverUrl: 'https://example.com/580.178.04/NVIDIA-Linux-x86_64-580.178.04.run',
  driverSha256: 'a'.repeat(64),
  kernelModule: 'proprietary',
  containerToolkitVersion: '1.20.0-1',
};
