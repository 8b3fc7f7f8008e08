import { constants } from 'node:fs';
import { access, readFile, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { installCommand, rootPrefix, usesSudo } from '../../scripts/setup-lib/packages.mjs';
import { readSystem, systemProblems } from '../../scripts/setup-lib/platform.mjs';
import type { Prerequisites } from '../../scripts/setup-lib/prerequisites.mjs';
import { findCommand, probeHolds } from '../../scripts/setup-lib/probe.mjs';
import { cacheFolder, stateFolder } from '../io/paths.ts';
import { type DoctorItem, item } from './doctor-item.ts';

const GIB = 1024 ** 3;

function exists(path: string, mode = constants.F_OK): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}

export async function platformItem(needed: Prerequisites): Promise<DoctorItem> {
  const system = await readSystem();
  const problems = systemProblems(needed, system);
  return item('system', 'everything', problems.length === 0, {
    found: `${system.distribution.name}, ${system.arch}`,
    needed: 'Debian 12+ or Ubuntu 22.04+, x64',
    fix: problems.map((problem) => problem.fix).join('; '),
  });
}

/** Each package on its own, so that one can see which command is not there. */
export async function packageItems(needed: Prerequisites, python: string | null): Promise<DoctorItem[]> {
  const withSudo = await usesSudo();
  return Promise.all(
    needed.packages.map(async (entry) => {
      const held = await Promise.all(entry.probes.map((probe) => probeHolds(probe, python)));
      const absent = entry.probes.filter((_, at) => !held[at]);
      const first = entry.probes[0] ?? '';
      const where = first.startsWith('/') || first.startsWith('python:') ? first : await findCommand(first);
      return item(`package ${entry.name}`, entry.for ?? 'everything', absent.length === 0, {
        found: absent.length === 0 ? (where ?? first) : `no ${absent.join(', ')}`,
        needed: entry.why,
        fix: `make setup, or: ${installCommand([entry], withSudo)}`,
      });
    }),
  );
}

export async function rootItem(): Promise<DoctorItem> {
  const root = await rootPrefix({ interactive: Boolean(process.stdin.isTTY) });
  if (root !== null) {
    const found = root.prefix.length === 0 ? 'root' : 'sudo';
    return item('root', 'lab', true, { found, needed: 'root or sudo', fix: '' });
  }
  const hasSudo = (await findCommand('sudo')) !== null;
  return item('root', 'lab', false, {
    found: `user ${process.getuid?.()}, ${hasSudo ? 'who may not use sudo without a password' : 'and sudo is not installed'}`,
    needed: 'root or sudo',
    fix: hasSudo ? 'run as root, or `sudo -v` first' : 'run as root (`su -`), or install sudo and let this user use it',
  });
}

/** Only root may open it, and the lab does so as root; so that a plain user cannot read it says nothing. */
export function loopItem(found: {
  readonly exists: boolean;
  readonly readable: boolean;
  readonly uid: number;
}): DoctorItem {
  const { exists: isThere, readable, uid } = found;
  return item('kernel: loop devices', 'lab', isThere && (readable || uid !== 0), {
    found: `${isThere ? '' : 'no '}/dev/loop-control${isThere && !readable ? (uid === 0 ? ', which may not be read' : ', for root only') : ''}`,
    needed: 'disks of the machines',
    fix: 'modprobe loop; in a container, run it privileged with /dev/loop*',
  });
}

/** What the lab's machines need of the kernel. */
export async function kernelItems(): Promise<DoctorItem[]> {
  const filesystems = await readFile('/proc/filesystems', 'utf8').catch(() => '');
  const overlay = /\boverlay$/m.test(filesystems) || (await hasModule('overlay'));
  const spaces = ['mnt', 'net', 'pid', 'uts', 'ipc'];
  const absent = (
    await Promise.all(spaces.map(async (name) => ((await exists(`/proc/self/ns/${name}`)) ? [] : [name])))
  ).flat();
  const unified = await exists('/sys/fs/cgroup/cgroup.controllers');
  const legacy = await exists('/sys/fs/cgroup/memory');
  return [
    loopItem({
      exists: await exists('/dev/loop-control'),
      readable: await exists('/dev/loop-control', constants.R_OK),
      uid: process.getuid?.() ?? 0,
    }),
    item('kernel: overlayfs', 'lab', overlay, {
      found: overlay ? 'available' : 'not in /proc/filesystems, no module',
      needed: 'Docker in the machines',
      fix: 'modprobe overlay',
    }),
    item('kernel: namespaces', 'lab', absent.length === 0, {
      found: absent.length === 0 ? spaces.join(', ') : `no ${absent.join(', ')}`,
      needed: 'machines and their network',
      fix: 'use a kernel with namespaces (any of Debian or Ubuntu)',
    }),
    item('kernel: cgroups', 'lab', unified || legacy, {
      found: unified ? 'version 2' : legacy ? 'version 1' : 'not mounted',
      needed: 'version 1 or 2',
      fix: 'mount /sys/fs/cgroup; in a container, run it privileged',
    }),
  ];
}

async function hasModule(name: string): Promise<boolean> {
  const release = (await readFile('/proc/sys/kernel/osrelease', 'utf8').catch(() => '')).trim();
  const list = await readFile(`/lib/modules/${release}/modules.dep`, 'utf8').catch(() => '');
  return list.includes(`/${name}.ko`);
}

/** Free space where the caches and the state are, once when both are on one file system. */
export async function diskItems(needed: Prerequisites): Promise<DoctorItem[]> {
  const folders = [cacheFolder(), stateFolder()];
  const seen = new Set<number>();
  const items: DoctorItem[] = [];
  for (const folder of folders) {
    const present = await nearest(folder);
    const { dev } = await stat(present);
    if (seen.has(dev)) continue;
    seen.add(dev);
    const { bavail, bsize } = await statfs(present);
    const free = (bavail * bsize) / GIB;
    items.push(
      item(`disk space of ${folder}`, 'lab', free >= needed.diskGiB, {
        found: `${Math.floor(free)} GiB free`,
        needed: `${needed.diskGiB} GiB`,
        fix: 'free some, or name other folders in ECS_HOST_CACHE and ECS_HOST_STATE',
      }),
    );
  }
  return items;
}

async function nearest(folder: string): Promise<string> {
  if ((await exists(folder)) || dirname(folder) === folder) return folder;
  return nearest(dirname(folder));
}
