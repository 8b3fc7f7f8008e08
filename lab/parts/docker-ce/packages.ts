import type { Control } from '../debian/build-deb.ts';
import { LIBC_FOLDER } from '../debian/own-libc.ts';
import type { Codename } from '../part.ts';

/** Debian's release whose Docker it is: the oldest one whose Docker knows CDI. */
export const SUITE = 'trixie';

/** Debian's packages that are taken apart. */
export const DEBIAN_PACKAGES = [
  'docker.io',
  'docker-cli',
  'containerd',
  'runc',
  'docker-buildx',
  'docker-compose',
  'tini',
  'libc6',
  'libcap2',
  'libseccomp2',
  'libsystemd0',
] as const;

/** Package of the libraries that all others need where the release has an older C library. */
export const LIBRARIES_PACKAGE = 'docker-ce-lab-libraries';

const RELEASES: Readonly<Record<Codename, string>> = { focal: '20.04', jammy: '22.04', noble: '24.04' };

/** Pure: whether programs of SUITE need libraries of their own on the stand-in of a release (noble is of SUITE). */
export function needsOwnLibraries(codename: Codename): boolean {
  return codename !== 'noble';
}

export type Versions = {
  readonly docker: string;
  readonly containerd: string;
  readonly buildx: string;
  readonly compose: string;
  readonly libc: string;
};

/** Pure: as Docker's repository writes them. */
export function packageVersions(codename: Codename, versions: Versions): Readonly<Record<string, string>> {
  const suffix = `-1~ubuntu.${RELEASES[codename]}~${codename}`;
  return {
    'docker-ce': `5:${versions.docker}${suffix}`,
    'docker-ce-cli': `5:${versions.docker}${suffix}`,
    // Until 1.7.28 without the release.
    'containerd.io': `${versions.containerd}-1`,
    'docker-buildx-plugin': `${versions.buildx}${suffix}`,
    'docker-compose-plugin': `${versions.compose}${suffix}`,
    [LIBRARIES_PACKAGE]: versions.libc,
  };
}

const MAINTAINER = 'ecs-host-setup developers <ecs-host-setup@example.invalid>';
const ANCIENT = 'docker (<< 1.5~), docker-engine';

type Relations = Readonly<Record<string, string>>;

/** As the control file of docker-ce-packaging had them for 26.1, and containerd-packaging for 1.7. */
function relationsOf(name: string): Relations {
  switch (name) {
    case 'docker-ce':
      return {
        Depends: 'containerd.io (>= 1.6.24), docker-ce-cli, iptables, libseccomp2 (>= 2.3.0), libsystemd0',
        Recommends: 'apparmor, ca-certificates, docker-ce-rootless-extras, git, libltdl7, pigz, procps, xz-utils',
        Suggests: 'aufs-tools, cgroupfs-mount | cgroup-lite',
        Conflicts: `${ANCIENT}, docker.io`,
        Replaces: 'docker-engine',
      };
    case 'docker-ce-cli':
      return {
        Recommends: 'docker-buildx-plugin, docker-compose-plugin',
        Conflicts: `${ANCIENT}, docker.io`,
        Breaks: 'docker-ce (<< 5:0)',
        Replaces: 'docker-ce (<< 5:0)',
      };
    case 'containerd.io':
      return {
        Depends: 'libseccomp2 (>= 2.5.0)',
        Provides: 'containerd, runc',
        Conflicts: 'containerd, runc',
        Replaces: 'containerd, runc',
      };
    case 'docker-buildx-plugin':
      return { Enhances: 'docker-ce-cli', Replaces: 'docker-ce-cli' };
    case 'docker-compose-plugin':
      return { Enhances: 'docker-ce-cli' };
    default:
      return {};
  }
}

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  'docker-ce': 'Docker: the open-source application container engine',
  'docker-ce-cli': 'Docker CLI: the open-source application container engine',
  'containerd.io': 'An open and reliable container runtime',
  'docker-buildx-plugin': 'Docker Buildx cli plugin.',
  'docker-compose-plugin': 'Docker Compose (V2) plugin for the Docker CLI.',
  [LIBRARIES_PACKAGE]: 'Libraries for the programs of the other packages',
};

/** Pure: the control file of one package. */
export function controlOf(name: string, codename: Codename, versions: Versions): Control {
  const { Depends, ...relations } = relationsOf(name);
  const libc =
    name !== LIBRARIES_PACKAGE && needsOwnLibraries(codename) ? `${LIBRARIES_PACKAGE} (= ${versions.libc})` : null;
  const depends = [libc, ...(name === LIBRARIES_PACKAGE || libc !== null ? [] : ['libc6 (>= 2.38)']), Depends ?? null];
  const text = depends.filter((each) => each !== null).join(', ');
  return {
    Package: name,
    Version: packageVersions(codename, versions)[name] ?? '',
    Architecture: 'amd64',
    Maintainer: MAINTAINER,
    ...(text === '' ? {} : { Depends: text }),
    ...relations,
    Section: 'admin',
    Priority: 'optional',
    Homepage: name === 'containerd.io' ? 'https://containerd.io' : 'https://www.docker.com',
    Description: `${DESCRIPTIONS[name] ?? name}
 Programs of Debian ${SUITE} in the layout of the official package, repacked by the
 lab of ecs-host-setup. For machines of the lab only.${name === LIBRARIES_PACKAGE ? `\n Below ${LIBC_FOLDER}, where nothing else looks.` : ''}`,
  };
}
