import { posix } from 'node:path';
import { textOf } from '../audited.ts';
import { realPath } from '../packages.ts';
import { named, type Rule } from './rule.ts';

const CACHE_MAGIC = 'glibc-ld.so.cache1.1';
const HEADER_BYTES = 48;
const RECORD_BYTES = 24;

/** Where glibc looks for it: at the beginning, or right behind the cache that is for older ones. */
function newCacheAt(cache: Buffer): number {
  if (cache.length < 16 || !cache.toString('latin1', 0, 16).startsWith('ld.so-1.7.0')) return 0;
  return Math.ceil((16 + 12 * cache.readUInt32LE(12)) / 8) * 8;
}

/** Pure: the libraries that a cache of the loader names, or null when it is none. Format: glibc's cache.h. */
export function loaderCachePaths(cache: Buffer): readonly string[] | null {
  const at = newCacheAt(cache);
  if (cache.length < at + HEADER_BYTES || !cache.toString('latin1', at).startsWith(CACHE_MAGIC)) return null;
  const count = cache.readUInt32LE(at + CACHE_MAGIC.length);
  const records = at + HEADER_BYTES;
  if (records + count * RECORD_BYTES > cache.length) return null;
  const textAt = (place: number): string => {
    const start = at + cache.readUInt32LE(place);
    const end = cache.indexOf(0, start);
    return cache.toString('utf8', start, end < 0 ? cache.length : end);
  };
  const libraries = Array.from({ length: count }, (_, index) => {
    const record = records + index * RECORD_BYTES;
    return { name: textAt(record + 4), path: textAt(record + 8) };
  });
  // It gives a library by the name that it has itself.
  return libraries.every(({ name, path }) => posix.basename(path) === name) ? libraries.map(({ path }) => path) : null;
}

/** Programs get their libraries from where this says, so every one has to be a file that is explained itself. */
const LOADER_CACHE: Rule = {
  by: 'ldconfig',
  covers: (path) => path === '/etc/ld.so.cache',
  problem: (_entry, { image, packages, base }) => {
    const paths = loaderCachePaths(image.contents.get('/etc/ld.so.cache') ?? Buffer.alloc(0));
    if (paths === null) return 'it is no cache of the loader';
    const strange = paths.filter((path) => {
      const real = realPath(image.entries, path);
      return !packages.owners.has(real) && !base.entries.has(real) && !isOfDriver(real, image.entries);
    });
    return strange.length === 0 ? null : `it names ${named(strange)}`;
  },
};

/** NVIDIA's installer is no package; what it puts is looked at by a rule of its own. */
const LIBRARIES_OF_THE_DRIVER =
  /^\/usr\/lib(32|64)?\/(x86_64-linux-gnu\/|i386-linux-gnu\/)?(vdpau\/)?lib[\w-]*(nvidia|cuda|nvcuvid|nvoptix|EGL|GL|OpenCL)[\w-]*\.so[.\d]*$/;

function isOfDriver(path: string, entries: ReadonlyMap<string, unknown>): boolean {
  return LIBRARIES_OF_THE_DRIVER.test(path) && entries.has(path);
}

const BOOT_RECORDS = [1, 2];
const UTMP_BYTES = 384;

/** Pure: whether a log of log-ins has nothing but boots and shutdowns. */
export function hasOnlyBoots(log: Buffer): boolean {
  if (log.length % UTMP_BYTES !== 0) return false;
  for (let at = 0; at < log.length; at += UTMP_BYTES) if (!BOOT_RECORDS.includes(log.readInt16LE(at))) return false;
  return true;
}

/** Written as the build instance shut down, after everything was cleaned. */
const SHUTDOWN: Rule = {
  by: 'systemd-update-utmp',
  covers: (path) => path === '/var/log/wtmp',
  problem: (_entry, { image }) =>
    hasOnlyBoots(image.contents.get('/var/log/wtmp') ?? Buffer.alloc(1)) ? null : 'somebody logged in',
  isOwner: ({ uid, mode }) => uid === 0 && (mode & 0o7113) === 0,
};

/** A log that was emptied. Whose it is its program minds. */
const EMPTY_LOGS: Rule = {
  by: 'the provisioner clean',
  covers: (path, { kind, size }) => path.startsWith('/var/log/') && kind === 'file' && size === 0,
  problem: ({ mode }) => ((mode & 0o7113) === 0 ? null : 'it can be run, or others may write to it'),
  isOwner: () => true,
};

const MACHINE_ID: Rule = {
  by: 'dbus',
  covers: (path) => path === '/var/lib/dbus/machine-id',
  problem: ({ kind, target }) =>
    kind === 'link' && target === '/etc/machine-id' ? null : 'it is no link to the other',
};

/** Empty: each machine makes its own. */
const OWN_ID: Rule = {
  by: 'the provisioner clean',
  covers: (path) => path === '/etc/machine-id',
  problem: ({ size }) => (size === 0 ? null : 'it is not empty, so all instances would have the same'),
};

/** The toolkit's older name for its hook. */
const TOOLKIT: Rule = {
  by: 'nvidia-container-toolkit',
  covers: (path) => path === '/usr/bin/nvidia-container-toolkit',
  problem: ({ kind, target = '' }, { packages }) => {
    const isHook = kind === 'link' && /^(\/usr\/bin\/)?nvidia-container-runtime-hook$/.test(target);
    const isThere = packages.owners.has('/usr/bin/nvidia-container-runtime-hook');
    return isHook && isThere ? null : 'it does not lead to the hook of the toolkit';
  },
};

/** What snapd remembers of snaps and of how long they are held; programs are in the snaps, which the base image has. */
const SNAPD: Rule = {
  by: 'snapd',
  covers: (path, { kind }) =>
    kind === 'file' && /^\/var\/lib\/snapd\/(state|lab-system|system-key)(\.json)?$/.test(path),
  problem: ({ path, mode }, { image }) => {
    if ((mode & 0o7111) !== 0) return 'it can be run';
    try {
      JSON.parse(textOf(image, path) ?? '');
      return null;
    } catch {
      return 'it is no JSON';
    }
  },
};

export const OF_THE_SYSTEM: readonly Rule[] = [LOADER_CACHE, SHUTDOWN, EMPTY_LOGS, MACHINE_ID, OWN_ID, TOOLKIT, SNAPD];
