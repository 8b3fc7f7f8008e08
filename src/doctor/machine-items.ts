import { constants } from 'node:fs';
import { access, readFile, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { installCommand, rootPrefix } from '../../scripts/setup-lib/packages.mjs';
import { platformProblems } from '../../scripts/setup-lib/platform.mjs';
import type { Prerequisites } from '../../scripts/setup-lib/prerequisites.mjs';
import { findCommand, probeHolds, readDistribution } from '../../scripts/setup-lib/probe.mjs';
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
  const distribution = await readDistribution();
  const found = {
    os: process.platform,
    arch: process.arch,
    distribution,
    node: '99.0.0',
    npm: 'npm',
    python: '99.0.0',
  };
  const problems = platformProblems(needed, found);
  return item('system', 'everything', problems.length === 0, {
    found: `${distribution.name}, ${process.arch}`,
    needed: 'Debian 12+ or Ubuntu 22.04+, x64',
    fix: problems.map((problem) => problem.fix).join('; '),
  });
}

/** Each package on its own, so that one can see which command is not there. */
export function packageItems(needed: Prerequisites, python: string | null): Promise<DoctorItem[]> {
  return Promise.all(
    needed.packages.map(async (entry) => {
      const held = await Promise.all(entry.probes.map((probe) => probeHolds(probe, python)));
      const absent = entry.probes.filter((_, at) => !held[at]);
      const first = entry.probes[0] ?? '';
      const where = first.startsWith('/') || first.startsWith('python:') ? first : await findCommand(first);
      return item(`package ${entry.name}`, 'everything', absent.length === 0, {
        found: absent.length === 0 ? (where ?? first) : `no ${absent.join(', ')}`,
        needed: entry.why,
        fix: `make setup, or: ${installCommand([entry])}`,
      });
    }),
  );
}

export async function rootItem(): Promise<DoctorItem> {
  const root = await rootPrefix({ interactive: Boolean(process.stdin.isTTY) });
  const found =
    root === null
      ? `user ${process.getuid?.()}, no sudo without a question`
      : root.prefix.length === 0
        ? 'root'
        : 'sudo';
  return item('root', 'lab', root !== null, {
    found,
    needed: 'root or sudo',
    fix: 'run as root, or let this user use sudo',
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
    item('kernel: loop devices', 'lab', await exists('/dev/loop-control', constants.R_OK), {
      found: (await exists('/dev/loop-control')) ? '/dev/loop-control' : 'no /dev/loop-control',
      needed: 'disks of the machines',
      fix: 'modprobe loop; in a container, run it privileged with /dev/loop*',
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
