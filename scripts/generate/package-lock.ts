/**
 * Completes package-lock.json with the packages of other platforms. npm leaves out an optional package that its
 * registry did not answer for, and `npm ci` then refuses the lock file. Only x86-64 Linux is supported, so these
 * entries are never fetched: the version and the platform are enough. A no-op where npm wrote them all.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectFolder } from '../setup-lib/paths.mjs';

type LockEntry = {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
};
type Lock = { packages: Record<string, LockEntry> };

const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const PROCESSORS = ['arm64', 'arm', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];

/** What a name such as `@rolldown/binding-linux-arm64-musl` says of its platform; null when it says nothing. */
export function platformOf(name: string): Pick<LockEntry, 'os' | 'cpu' | 'libc'> | null {
  const words = name.split(/[-/]/);
  const os = SYSTEMS.filter((system) => words.includes(system));
  const cpu = PROCESSORS.filter((processor) => words.includes(processor));
  if (os.length === 0 && cpu.length === 0) return null;
  const musl = words.some((word) => word.startsWith('musl'));
  return { ...(os.length > 0 ? { os } : {}), ...(cpu.length > 0 ? { cpu } : {}), ...(musl ? { libc: ['musl'] } : {}) };
}

/** The version that the package at `from` is given for a name, as Node resolves it; null when there is none. */
function resolved(lock: Lock, from: string, name: string): string | null {
  const found = lock.packages[`${from}/node_modules/${name}`];
  if (found !== undefined) return found.version ?? '';
  const above = from.lastIndexOf('/node_modules/');
  if (above > 0) return resolved(lock, from.slice(0, above), name);
  return lock.packages[`node_modules/${name}`]?.version ?? null;
}

/** @returns the lock with an entry for every platform package that it lacks, sorted as npm sorts */
export function completeLock(lock: Lock): Lock {
  const added: Record<string, LockEntry> = {};
  for (const [path, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const platform = platformOf(name);
      // A range may be met by any version; the platform packages are named exactly.
      if (platform === null || !/^\d+\.\d+\.\d+/.test(version)) continue;
      const present = resolved({ ...lock, packages: { ...lock.packages, ...added } }, path, name);
      if (present === version) continue;
      const place = present === null ? `node_modules/${name}` : `${path}/node_modules/${name}`;
      added[place] = { version, ...(entry.dev ? { dev: true } : {}), optional: true, ...platform };
    }
  }
  if (Object.keys(added).length === 0) return lock;
  const packages = Object.entries({ ...lock.packages, ...added }).sort(([left], [right]) =>
    left.localeCompare(right, 'en'),
  );
  return { ...lock, packages: Object.fromEntries(packages) };
}

export default async (): Promise<{ path: string; text: string }[]> => {
  const text = await readFile(join(projectFolder(), 'package-lock.json'), 'utf8');
  const lock = JSON.parse(text) as Lock;
  const complete = completeLock(lock);
  return [{ path: 'package-lock.json', text: complete === lock ? text : `${JSON.stringify(complete, null, 2)}\n` }];
};
