import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../exec.ts';
import { readAptMirrors } from '../../mirror/apt-sources.ts';
import type { Part } from '../part.ts';

const SUITE = 'bookworm';
/** The kernel, what makes its list of modules, what runs before the image's init, and the boot loader. */
const PACKAGES = ['linux-image-cloud-amd64', 'kmod', 'busybox-static', 'extlinux'];
const FILES = ['make-disk.sh', 'init.sh', 'extlinux.conf'];

/** Of the part's folder: the disk, raw. Beside it, `kernel` holds the kernel's release. */
export const DISK = 'disk.raw';

/**
 * The disk that machines under QEMU start from. Images of the lab hold one file system and no kernel, as paravirtual
 * images of EC2 did: boot loader, kernel and modules come from beside.
 */
export const QEMU_BOOT: Part = {
  name: 'qemu-boot',
  substitution: {
    component: 'kernel and boot loader',
    source: `linux-image-cloud-amd64 of Debian ${SUITE} and extlinux, on a disk of the lab's`,
    reason: 'images of the lab hold a file system and no kernel',
  },
  digest: async () => {
    const hash = createHash('sha256').update(JSON.stringify([SUITE, PACKAGES]));
    for (const file of FILES) hash.update(`\0${file}\0`).update(await readFile(join(import.meta.dirname, file)));
    return hash.digest('hex').slice(0, 12);
  },
  build: async ({ folder, onProgress }) => {
    onProgress("making the boot disk of machines with a kernel of their own (Debian's, once)");
    const { debian, debianSecurity } = await readAptMirrors();
    const namespaces = ['--mount', '--propagation=slave', '--pid', '--fork', '--kill-child', '--mount-proc'];
    await run('setpriv', [
      ...['--pdeathsig=KILL', 'unshare', ...namespaces],
      ...[join(import.meta.dirname, 'make-disk.sh'), folder, SUITE, PACKAGES.join(',')],
      `deb ${debian} ${SUITE} main`,
      `deb ${debian} ${SUITE}-updates main`,
      `deb ${debianSecurity} ${SUITE}-security main`,
    ]);
  },
};
