import { describe, expect, test } from 'vitest';
import { explainEntries } from '../../src/audit/explain.ts';
import { hasOnlyBoots, loaderCachePaths } from '../../src/audit/generated/system.ts';
import {
  explainInput,
  file,
  folder,
  type Item,
  installed,
  link,
  MERGED,
  ruled,
  special,
  unread,
  view,
} from './image.ts';

const CACHE = '/etc/ld.so.cache';
const NEW_MAGIC = 'glibc-ld.so.cache1.1';

/** As glibc 2.32 and newer write it: header, records, strings. */
function cacheOf(libraries: readonly (readonly [key: string, path: string])[]): Buffer {
  const header = Buffer.alloc(48);
  header.write(NEW_MAGIC);
  header.writeUInt32LE(libraries.length, NEW_MAGIC.length);
  const records = Buffer.alloc(24 * libraries.length);
  let strings = '';
  const put = (text: string): number => {
    const at = header.length + records.length + strings.length;
    strings += `${text}\0`;
    return at;
  };
  for (const [index, [key, path]] of libraries.entries()) {
    records.writeUInt32LE(0x303, index * 24);
    records.writeUInt32LE(put(key), index * 24 + 4);
    records.writeUInt32LE(put(path), index * 24 + 8);
  }
  header.writeUInt32LE(strings.length, NEW_MAGIC.length + 4);
  return Buffer.concat([header, records, Buffer.from(strings, 'latin1')]);
}

/** As glibc writes it for older ones, with the new cache behind; both are aligned to eight bytes. */
function oldCacheOf(count: number, behind: Buffer): Buffer {
  const old = Buffer.alloc(16 + 12 * count);
  old.write('ld.so-1.7.0');
  old.writeUInt32LE(count, 12);
  return Buffer.concat([old, Buffer.alloc((8 - (old.length % 8)) % 8), behind]);
}

const LIBC = '/usr/lib/x86_64-linux-gnu/libc.so.6';
const CUDA = '/usr/lib/x86_64-linux-gnu/libcuda.so.1';
const libc = ['libc.so.6', '/lib/x86_64-linux-gnu/libc.so.6'] as const;
const items = [...MERGED, ...installed([{ name: 'libc6', files: { '/lib/x86_64-linux-gnu/libc.so.6': 'libc' } }])];

function judgedCache(cache: Buffer, base: readonly Item[] = [], more: readonly Item[] = []): string | null {
  return ruled(CACHE, view([...items, ...more, file(CACHE, cache)], base));
}

function isExplained(item: Item): boolean {
  return explainEntries(explainInput([...items, item])).explainers.has(item.entry.path);
}

describe('the cache of the loader', () => {
  test('is read as glibc writes it', () => {
    expect(loaderCachePaths(cacheOf([]))).toEqual([]);
    expect(loaderCachePaths(cacheOf([libc, ['libx.so', '/opt/libx.so']]))).toEqual([libc[1], '/opt/libx.so']);
    expect(loaderCachePaths(oldCacheOf(3, cacheOf([libc])))).toEqual([libc[1]]);
  });

  test('is read no further than it goes', () => {
    const whole = cacheOf([libc]);
    expect(loaderCachePaths(Buffer.alloc(0))).toBeNull();
    expect(loaderCachePaths(Buffer.from('no cache'))).toBeNull();
    expect(loaderCachePaths(whole.subarray(0, 60))).toBeNull();
    const many = Buffer.from(whole);
    many.writeUInt32LE(0xffffffff, NEW_MAGIC.length);
    expect(loaderCachePaths(many)).toBeNull();
    const far = Buffer.from(whole);
    far.writeUInt32LE(0xfffffff0, 48 + 8);
    expect(() => loaderCachePaths(far)).not.toThrow();
  });

  test('names what packages bring or the base image has', () => {
    expect(judgedCache(cacheOf([libc]))).toBeNull();
    expect(judgedCache(cacheOf([['libx.so', '/opt/libx.so']]))).toBe('it names /opt/libx.so');
    expect(judgedCache(cacheOf([['libx.so', '/opt/libx.so']]), [file('/opt/libx.so')])).toBeNull();
  });

  test('names libraries of the driver that are there', () => {
    expect(judgedCache(cacheOf([['libcuda.so.1', CUDA]]), [], [file(CUDA, 'cuda')])).toBeNull();
    expect(judgedCache(cacheOf([['libcuda.so.1', CUDA]]))).not.toBeNull();
  });

  test.each([
    '/tmp/libcuda.so.1',
    '/home/admin/libGL.so.1',
    '/usr/local/lib/libEGL.so',
    '/usr/lib/../../tmp/libcuda.so.1',
    '/usr/lib/x86_64-linux-gnu/../../../tmp/libnvidia-ml.so.1',
    '/srv/libevil-GL-evil.so',
  ])('names no library that is only called as one of the driver: %s', (path) => {
    const key = path.slice(path.lastIndexOf('/') + 1);
    expect(judgedCache(cacheOf([[key, path]]), [], [file(path, 'evil')])).not.toBeNull();
  });

  test('gives no library for another one', () => {
    expect(judgedCache(cacheOf([['libpam.so.0', libc[1]]]))).not.toBeNull();
  });

  test('is where glibc looks for it, and no other one before it', () => {
    const evil = oldCacheOf(4, Buffer.alloc(0));
    evil.write('/tmp/evil.so\0', 16 + 24);
    // An old cache with libraries of its own, and the new one not where its end is.
    expect(judgedCache(Buffer.concat([evil, Buffer.alloc(16), cacheOf([libc])]))).not.toBeNull();
    expect(judgedCache(Buffer.concat([Buffer.from('payload!'), cacheOf([libc])]))).not.toBeNull();
  });

  test('whose content is not known, or that is none, is not explained', () => {
    expect(ruled(CACHE, view([unread(CACHE)]))).toBe('it is no cache of the loader');
    expect(ruled(CACHE, view([link(CACHE, '/tmp/x')]))).toBe('it is no cache of the loader');
    expect(judgedCache(Buffer.from('#!/bin/sh'))).toBe('it is no cache of the loader');
  });
});

describe('the log of log-ins', () => {
  const record = (type: number, text = ''): Buffer => {
    const bytes = Buffer.alloc(384);
    bytes.writeInt16LE(type);
    bytes.write(text, 44);
    return bytes;
  };
  const path = '/var/log/wtmp';

  test('has boots and shutdowns only', () => {
    expect(hasOnlyBoots(Buffer.alloc(0))).toBe(true);
    expect(hasOnlyBoots(Buffer.concat([record(2, 'reboot'), record(1, 'runlevel'), record(1, 'shutdown')]))).toBe(true);
    expect(hasOnlyBoots(Buffer.concat([record(2), record(7, 'admin')]))).toBe(false);
    expect(hasOnlyBoots(Buffer.concat([record(2), record(0)]))).toBe(false);
    expect(hasOnlyBoots(record(2).subarray(0, 383))).toBe(false);
  });

  test('is explained by that', () => {
    const utmp = { gid: 43, mode: 0o664 };
    expect(isExplained(file(path, record(2), utmp))).toBe(true);
    expect(isExplained(file(path, record(7), utmp))).toBe(false);
    expect(isExplained(unread(path, record(2), utmp))).toBe(false);
    expect(isExplained(link(path, '/tmp/x'))).toBe(false);
    expect(isExplained(file(path, record(2), { ...utmp, uid: 1000 }))).toBe(false);
    expect(isExplained(file(path, record(2), { ...utmp, mode: 0o666 }))).toBe(false);
    expect(isExplained(file(path, record(2), { ...utmp, mode: 0o4775 }))).toBe(false);
  });
});

describe('a log', () => {
  test('that was emptied is explained, whoever’s it is', () => {
    expect(isExplained(file('/var/log/x.log'))).toBe(true);
    expect(isExplained(file('/var/log/a/x.log', '', { uid: 101, gid: 4, mode: 0o660 }))).toBe(true);
  });

  test.each([
    ['with something in it', file('/var/log/x.log', 'x')],
    ['that can be run', file('/var/log/x.log', '', { mode: 0o755 })],
    ['with setuid', file('/var/log/x.log', '', { mode: 0o4644 })],
    ['that everybody may write to', file('/var/log/x.log', '', { mode: 0o666 })],
    ['that is a link', link('/var/log/x.log', '/tmp/x')],
    ['that is a pipe', special('/var/log/x.log', 'pipe')],
    ['in a folder that others may write to', folder('/var/log/x', { mode: 0o777 })],
    ['elsewhere', file('/var/logs/x.log')],
  ])('%s is not', (_what, item) => {
    expect(isExplained(item)).toBe(false);
  });
});

describe('the identity of the machine', () => {
  test('is empty', () => {
    expect(isExplained(file('/etc/machine-id'))).toBe(true);
    expect(ruled('/etc/machine-id', view([file('/etc/machine-id', `${'a'.repeat(32)}\n`)]))).toMatch(
      /^it is not empty/,
    );
    expect(isExplained(link('/etc/machine-id', '/tmp/x'))).toBe(false);
    expect(isExplained(folder('/etc/machine-id'))).toBe(false);
    expect(isExplained(file('/etc/machine-id', '', { mode: 0o666 }))).toBe(false);
  });

  test('of D-Bus is a link to it', () => {
    const path = '/var/lib/dbus/machine-id';
    expect(isExplained(link(path, '/etc/machine-id'))).toBe(true);
    expect(isExplained(link(path, '/tmp/machine-id'))).toBe(false);
    expect(isExplained(link(path, '../../../etc/machine-id'))).toBe(false);
    expect(isExplained(file(path))).toBe(false);
    expect(isExplained(link(path, '/etc/machine-id', { uid: 1000 }))).toBe(false);
  });
});

test('libc is where the fixture says', () => {
  expect(view(items).packages.owners.get(LIBC)).toEqual(['libc6']);
});
