import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';

/** What an image is bootstrapped with. Change any of it, or of the files, and the next start builds another image. */
export type Contents = {
  readonly suite: string;
  readonly architecture: 'amd64';
  readonly sizeGiB: number;
  readonly packages: readonly string[];
  /** Whether /bin, /sbin and /lib are links into /usr where the suite leaves that open; on Ubuntu they are. */
  readonly mergesUsr?: true;
};

/** Inputs of the lab that a stand-in carries. */
export type BaseImageInputs = {
  /** Certificate of the lab's authority, which answers for the official hosts. */
  readonly authorityPem: string;
  /** Public key that signs the lab's archive, ASCII-armored. */
  readonly archiveKey: string;
  /** Files (.deb) of the kernel, which are installed. */
  readonly kernelDebs: readonly string[];
};

const FOLDER = import.meta.dirname;

/** Packages of every base image: what Debian's images for EC2 have where it matters here. */
const COMMON = [
  'bash-completion',
  'ca-certificates',
  'cloud-guest-utils',
  'cloud-init',
  'curl',
  'dbus',
  'e2fsprogs',
  'gpg',
  'iproute2',
  'iptables',
  'iputils-ping',
  'kmod',
  'less',
  'libnss-myhostname',
  'libpam-systemd',
  'netbase',
  'openssh-server',
  'procps',
  'python3',
  'sudo',
  'systemd-sysv',
  'tzdata',
  'udev',
  'vim-tiny',
];

/** Of Ubuntu's cloud images, beyond those; what is in none of them stays out, so that provisioners bring it. */
const OF_UBUNTU = [
  'cron',
  'gnupg',
  'initramfs-tools',
  'lsb-release',
  'python3-apt',
  'rsync',
  'rsyslog',
  'unattended-upgrades',
  'wget',
  'xz-utils',
];

/** As Debian's and Canonical's images on EC2. */
export const SIZE_GIB = 8;

export const BOOKWORM: Contents = {
  suite: 'bookworm',
  architecture: 'amd64',
  sizeGiB: SIZE_GIB,
  packages: COMMON,
};

/** @param suite of Debian, with the same glibc, or the nearest to it */
export function ubuntuContents(suite: string): Contents {
  const packages = [...COMMON, ...OF_UBUNTU].toSorted();
  return {
    suite,
    architecture: 'amd64',
    sizeGiB: SIZE_GIB,
    packages,
    ...(suite === 'bullseye' ? { mergesUsr: true } : {}),
  };
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** Files and folders of this room that end up in an image, or make it. */
const DEBIAN_FILES = ['customize.sh', 'rootfs'];

async function listFiles(names: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    names.map(async (name) => {
      const path = join(FOLDER, name);
      return (await stat(path)).isDirectory() ? filesBelow(path) : [path];
    }),
  );
  return found.flat().sort();
}

/**
 * First 12 hex digits of a hash over what determines an image: its contents, files of this room (path, mode, content),
 * and what else is given.
 *
 * @param more texts, and files by their path
 */
export async function recipeDigest(
  contents: unknown,
  names: readonly string[] = DEBIAN_FILES,
  more: { readonly texts?: readonly string[]; readonly files?: readonly string[] } = {},
): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(contents));
  for (const file of await listFiles(names)) {
    const executable = ((await stat(file)).mode & 0o100) !== 0;
    hash.update(`\0${relative(FOLDER, file)}\0${executable}\0`).update(await readFile(file));
  }
  for (const text of more.texts ?? []) hash.update(`\0text\0${text}`);
  for (const file of more.files ?? []) hash.update('\0file\0').update(await readFile(file));
  return hash.digest('hex').slice(0, 12);
}
