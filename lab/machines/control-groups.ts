import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** One mounted tree of control groups: several on cgroup v1 (one for each controller), one on v2. */
export type Hierarchy = { readonly path: string; readonly version: 1 | 2 };

/** From the text of /proc/self/mountinfo. */
export function parseHierarchies(mountinfo: string): readonly Hierarchy[] {
  return mountinfo.split('\n').flatMap((line): readonly Hierarchy[] => {
    const [before = '', after = ''] = line.split(' - ');
    const path = before.split(' ')[4] ?? '';
    const type = after.split(' ')[0];
    if (path !== '/sys/fs/cgroup' && !path.startsWith('/sys/fs/cgroup/')) return [];
    if (type === 'cgroup') return [{ path, version: 1 }];
    if (type === 'cgroup2') return [{ path, version: 2 }];
    return [];
  });
}

async function hierarchies(): Promise<readonly Hierarchy[]> {
  return parseHierarchies(await readFile('/proc/self/mountinfo', 'utf8'));
}

/** The name that proves a group to be this lab's. */
function labGroup(labId: string): string {
  return `ecs-host-lab-${labId}`;
}

function read(file: string): Promise<string | null> {
  return readFile(file, 'utf8').then(
    (text) => text.trim(),
    () => null,
  );
}

/** cgroup v1: a new cpuset group is empty and takes no process until it has processors and memory. */
async function inheritCpuset(parent: string, child: string): Promise<void> {
  for (const name of ['cpuset.cpus', 'cpuset.mems']) {
    const value = await read(join(parent, name));
    if (value === null) return;
    if ((await read(join(child, name))) === '') await writeFile(join(child, name), value);
  }
}

/** cgroup v2: children have only the controllers that the parent hands down. */
async function handDown(group: string): Promise<void> {
  const available = ((await read(join(group, 'cgroup.controllers'))) ?? '').split(' ').filter((name) => name !== '');
  for (const controller of available) {
    // One by one: a controller that cannot be handed down (cpu with real-time processes about) must not take the others
    // along.
    await writeFile(join(group, 'cgroup.subtree_control'), `+${controller}`).catch(() => {});
  }
}

/** Makes the machine's group in every hierarchy. @returns the files that a process joins the groups by. */
export async function createControlGroups(labId: string, instanceId: string): Promise<readonly string[]> {
  const files: string[] = [];
  for (const { path, version } of await hierarchies()) {
    const lab = join(path, labGroup(labId));
    const own = join(lab, instanceId);
    await mkdir(own, { recursive: true });
    if (version === 1) {
      await inheritCpuset(path, lab);
      await inheritCpuset(lab, own);
    } else {
      await handDown(path);
      await handDown(lab);
    }
    files.push(join(own, 'cgroup.procs'));
  }
  return files;
}

async function childGroups(group: string): Promise<string[]> {
  const entries = await readdir(group, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(group, entry.name));
}

/** Depth first; ends processes that are still inside. @returns false when something in it cannot be removed yet. */
async function removeTree(group: string): Promise<boolean> {
  for (const child of await childGroups(group)) {
    if (!(await removeTree(child))) return false;
  }
  const pids = ((await read(join(group, 'cgroup.procs'))) ?? '').split('\n').map(Number);
  for (const pid of pids.filter((one) => one > 1)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended meanwhile.
    }
  }
  return rmdir(group).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  );
}

const WAIT_MS = 10_000;

async function remove(select: (hierarchy: Hierarchy) => string): Promise<void> {
  const limit = Date.now() + WAIT_MS;
  for (const hierarchy of await hierarchies()) {
    const group = select(hierarchy);
    while (!(await removeTree(group))) {
      if (Date.now() > limit) throw new Error(`the control group ${group} cannot be removed`);
      await sleep(20);
    }
  }
}

/**
 * Ends every process that is still in the machine's groups, and removes the groups with all that Docker and ECS made in
 * them.
 */
export function removeControlGroups(labId: string, instanceId: string): Promise<void> {
  return remove(({ path }) => join(path, labGroup(labId), instanceId));
}

/** The same for whatever is left of the lab. */
export function removeLabControlGroups(labId: string): Promise<void> {
  return remove(({ path }) => join(path, labGroup(labId)));
}

/** Machines that left a group, whether or not anything runs in it. */
export async function machinesWithControlGroups(labId: string): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const { path } of await hierarchies()) {
    for (const group of await childGroups(join(path, labGroup(labId))))
      found.add(group.slice(group.lastIndexOf('/') + 1));
  }
  return [...found].sort();
}
