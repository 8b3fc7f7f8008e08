import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';

/**
 * What the base image is made of, with the files beside this one. Change any of it and the next start builds another
 * image.
 */
export const RECIPE = {
  suite: 'bookworm',
  architecture: 'amd64',
  /** As Debian's images on EC2. */
  sizeGiB: 8,
  packages: [
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
  ],
} as const;

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** First 12 hex digits of the hash over package list and files (path, mode, content). */
export async function recipeDigest(folder = import.meta.dirname): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(RECIPE));
  const files = [join(folder, 'customize.sh'), ...(await filesBelow(join(folder, 'rootfs')))].sort();
  for (const file of files) {
    const executable = ((await stat(file)).mode & 0o100) !== 0;
    hash.update(`\0${relative(folder, file)}\0${executable}\0`).update(await readFile(file));
  }
  return hash.digest('hex').slice(0, 12);
}
