import { createHash } from 'node:crypto';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { AuditEntry } from '#contracts/audit.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { audit, debugfs, entriesOf, makeExt4, runAuditor } from './file-systems.ts';

const MIB = 1024 * 1024;

function hashOf(algorithm: string, content: Buffer): string {
  return createHash(algorithm).update(content).digest('hex');
}

/** Everything that a folder of an image may hold and a plain user can make. */
function plantTree(folder: string, withHoles: boolean): void {
  const at = (...names: string[]) => join(folder, ...names);
  mkdirSync(at('etc', 'deep', 'deeper'), { recursive: true });
  mkdirSync(at('many'));
  mkdirSync(at('proc'));
  for (let each = 0; each < 400; each += 1) writeFileSync(at('many', `${'long-name-'.repeat(6)}${each}`), `${each}`);
  writeFileSync(at('etc', 'empty'), '');
  writeFileSync(at('etc', 'tiny'), 'tiny\n');
  writeFileSync(at('etc', 'deep', 'deeper', 'some'), 'some '.repeat(30));
  writeFileSync(at('proc', 'hidden-below-a-mount'), 'hidden');
  writeFileSync(at('large'), Buffer.alloc(3 * MIB + 77, 'large content, '));
  if (withHoles) {
    writeFileSync(at('sparse'), Buffer.concat([Buffer.from('first'), Buffer.alloc(2 * MIB), Buffer.from('last')]));
    truncateSync(at('sparse'), 5 * MIB + 3);
  }
  symlinkSync('tiny', at('etc', 'short-link'));
  symlinkSync(`/${'long-target/'.repeat(20)}`, at('etc', 'long-link'));
  linkSync(at('large'), at('etc', 'same-as-large'));
  writeFileSync(at('program'), '#!/bin/sh\n');
  chmodSync(at('program'), 0o4755);
  chmodSync(at('etc', 'deep'), 0o1700);
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/latin-`), Buffer.from([0xe9]), Buffer.from('\\ü')]), 'name');
}

/** Where the zeros begin that a large file ends with. */
function zerosOf(content: Buffer): Partial<AuditEntry> {
  const used = content.findLastIndex((byte) => byte !== 0) + 1;
  return content.length > MIB && used < content.length ? { zeroFrom: used } : {};
}

/** What lstat and node:crypto say of a name. */
function expected(path: string): Partial<AuditEntry> {
  const found = lstatSync(path);
  const content = found.isFile() ? readFileSync(path) : null;
  return {
    kind: found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'link',
    mode: found.mode & 0o7777,
    uid: found.uid,
    gid: found.gid,
    ...(content === null
      ? {}
      : {
          ...zerosOf(content),
          size: content.length,
          sha256: hashOf('sha256', content),
          md5: hashOf('md5', content),
          links: found.nlink,
        }),
    ...(found.isSymbolicLink() ? { target: readlinkSync(path) } : {}),
  };
}

function expectedTree(folder: string): Record<string, Partial<AuditEntry>> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => !name.includes('latin-'));
  return Object.fromEntries(names.map((name) => [`/${name}`, expect.objectContaining(expected(join(folder, name)))]));
}

const VARIANTS: Readonly<Record<string, readonly string[]>> = {
  'as mke2fs makes it': [],
  'block maps instead of extents, as ext3 has them': ['-O', '^extent,^64bit'],
  'content within inodes': ['-O', 'inline_data', '-I', '512'],
  'blocks of 1 KiB': ['-b', '1024'],
  'blocks of 1 KiB and block maps': ['-b', '1024', '-O', '^extent,^64bit'],
  'blocks of 2 KiB and small inodes': ['-b', '2048', '-I', '128'],
  'descriptors of 32 bytes': ['-O', '^64bit'],
  'descriptors at their own groups': ['-O', 'meta_bg,^resize_inode', '-b', '1024', '-g', '1024'],
  'neither checksums nor uninitialised groups, nor groups together': ['-O', '^metadata_csum,^uninit_bg,^flex_bg'],
  ext2: ['-t', 'ext2'],
};

describe.each(Object.entries(VARIANTS))('a file system with %s', (_, options) => {
  test('has every name that was put on it, with what lstat and the hashes of its content say', async () => {
    const folder = tempFolder();
    const root = join(folder, 'root');
    mkdirSync(root);
    // mke2fs itself cuts a file with holes short there.
    plantTree(root, !options.includes('inline_data'));
    const found = await entriesOf(makeExt4(join(folder, 'disk'), root, options));
    const { '/lost+found': lost, ...rest } = Object.fromEntries(found);
    expect(lost).toMatchObject({ kind: 'folder', mode: 0o700 });
    expect(rest['/latin-\\xe9\\\\ü']).toMatchObject({ size: 4, sha256: hashOf('sha256', Buffer.from('name')) });
    delete rest['/latin-\\xe9\\\\ü'];
    expect(rest).toEqual({
      ...expectedTree(root),
      '/': expect.objectContaining({ kind: 'folder', inode: 2, mode: lstatSync(root).mode & 0o7777 }),
    });
    expect(found.get('/large')?.inode).toBe(found.get('/etc/same-as-large')?.inode);
  });
});

/** The only block of a name. */
function blockOf(disk: string, name: string): number {
  return Number(/^\d+/m.exec(debugfs(disk, `blocks ${name}`))?.[0]);
}

/** A small file system to be changed by debugfs. */
function planted(options: readonly string[] = []): string {
  const folder = tempFolder();
  const root = join(folder, 'root');
  mkdirSync(join(root, 'sub', 'below'), { recursive: true });
  writeFileSync(join(root, 'file'), 'content');
  writeFileSync(join(root, 'sub', 'other'), 'other content');
  writeFileSync(join(root, 'large'), Buffer.alloc(2 * MIB, 1));
  return makeExt4(join(folder, 'disk'), root, options);
}

describe('what only root can make', () => {
  test('devices, sockets and pipes', async () => {
    const disk = planted();
    debugfs(disk, 'mknod null c 1 3', 'mknod big b 259 7000', 'mknod queue p');
    const found = await entriesOf(disk);
    expect(found.get('/null')).toMatchObject({ kind: 'char', device: '1:3' });
    expect(found.get('/big')).toMatchObject({ kind: 'block', device: '259:7000' });
    expect(found.get('/queue')).toMatchObject({ kind: 'pipe' });
    expect(found.get('/queue')).not.toHaveProperty('device');
  });

  test('owners beyond 16 bits, flags, and times with a fraction and after 2038', async () => {
    const disk = planted(['-I', '256']);
    debugfs(
      disk,
      'set_inode_field file uid 100000',
      'set_inode_field file gid 65537',
      'set_inode_field file flags 0x80030',
      'set_inode_field file mtime @0x80000000',
      'set_inode_field file mtime_extra 0x77359401',
      'set_inode_field file crtime @1700000000',
      'set_inode_field file crtime_extra 0x3b9aca00',
    );
    const file = (await entriesOf(disk)).get('/file');
    expect(file).toMatchObject({ uid: 100_000, gid: 65_537, flags: ['immutable', 'append-only'] });
    expect(file?.mtime).toBeCloseTo(2 ** 31 + 0.5, 5);
    expect(file?.crtime).toBeCloseTo(1_700_000_000.25, 5);
  });

  test.each([
    ['within the inode', ['-I', '256']],
    ['in a block of their own', ['-I', '128']],
  ])('attributes %s: capabilities, access control lists, long ones', async (_, options) => {
    const disk = planted(options);
    const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');
    // Version 2: owner rw-, user 1000 r--, group r--, mask r--, others none.
    const list = Buffer.from(
      '02000000' +
        '01000600ffffffff' +
        '02000400e8030000' +
        '04000400ffffffff' +
        '10000400ffffffff' +
        '20000000ffffffff',
      'hex',
    );
    writeFileSync(`${disk}.capability`, capability);
    writeFileSync(`${disk}.list`, list);
    writeFileSync(`${disk}.long`, 'v'.repeat(500));
    debugfs(
      disk,
      `ea_set -f ${disk}.capability file security.capability`,
      `ea_set -f ${disk}.list file system.posix_acl_access`,
      `ea_set -f ${disk}.long file user.long`,
      'ea_set file trusted.overlay.opaque y',
    );
    const attributes = (await entriesOf(disk)).get('/file')?.attributes;
    expect(Object.entries(attributes ?? {}).map(([name, value]) => [name, Buffer.from(value, 'base64')])).toEqual([
      ['security.capability', capability],
      ['system.posix_acl_access', list],
      ['trusted.overlay.opaque', Buffer.from('y')],
      ['user.long', Buffer.from('v'.repeat(500))],
    ]);
  });

  test('an attribute that is too long for a block is in an inode of its own', async () => {
    const disk = planted(['-O', 'ea_inode', '-I', '256']);
    writeFileSync(`${disk}.huge`, 'h'.repeat(4096));
    debugfs(disk, `ea_set -f ${disk}.huge file user.huge`);
    const attributes = (await entriesOf(disk)).get('/file')?.attributes;
    expect(Buffer.from(attributes?.['user.huge'] ?? '', 'base64').toString()).toBe('h'.repeat(4096));
  });

  test('room that was reserved and never written reads as zeros', async () => {
    const disk = planted();
    debugfs(disk, 'fallocate file 1 3', 'set_inode_field file size 16384');
    const content = Buffer.alloc(16_384);
    content.write('content');
    expect((await entriesOf(disk)).get('/file')).toMatchObject({ size: 16_384, sha256: hashOf('sha256', content) });
  });
});

test('contents of asked files are printed, of others and of large ones not', async () => {
  const disk = planted();
  const lines = await audit(disk, { action: 'manifest', contents: ['/sub/', '/large'] });
  expect(lines.filter(({ type }) => type === 'content')).toEqual([
    { type: 'content', path: '/large', base64: Buffer.alloc(2 * MIB, 1).toString('base64') },
    { type: 'content', path: '/sub/other', base64: Buffer.from('other content').toString('base64') },
  ]);
  expect(lines.at(0)).toMatchObject({ type: 'disk', partitions: [{ number: 0, fileSystem: 'ext4', sha256: null }] });
  expect(lines.at(-1)).toMatchObject({ type: 'end', lines: lines.length });
});

describe('a damaged file system', () => {
  /** What the auditor says: one line, and nothing that looks like an end. */
  async function refusal(disk: string): Promise<string> {
    const asked = { action: 'manifest', contents: [], disk: { volumeId: 'vol-0', deviceName: disk } };
    const { code, stderr } = await runAuditor(JSON.stringify(asked));
    expect(code).toBe(1);
    expect(stderr).toMatch(/^[^\n]+\n$/);
    return stderr.trim();
  }

  test.each([
    ['a feature that nobody reads', 'set_super_value feature_incompat 0x102c2', /feature encrypt, which is not read/],
    ['a feature that nobody knows', 'set_super_value feature_incompat 0x800002c2', /unknown features: .*0x80000000/],
    ['more blocks than there are bytes', 'set_super_value blocks_count 900000', /superblock is damaged: 900000 blocks/],
    ['inodes of an impossible size', 'set_super_value inode_size 300', /superblock is damaged: inodes of 300 bytes/],
    ['a group outside', 'set_block_group 0 inode_table 999999', /group 0 is damaged/],
    ['a folder in itself', 'link sub sub/below/again', /a folder that has another name already/],
    ['a name without an inode', 'link <500> nothing', /^\/nothing is inode 500, which is free/],
    ['a kind that there is not', 'set_inode_field file mode 0170644', /inode 12 is damaged: mode/],
    ['an extent outside', 'set_inode_field file block[5] 0x7fffffff', /block map of inode 12 is damaged: .*not within/],
    ['no extents', 'set_inode_field file block[0] 0', /block map of inode 12 is damaged/],
    ['extents that go on outside', 'set_inode_field file block[1] 0x10004', /^block \d+ is named and is not in/],
    ['a size without end', 'set_inode_field file size 0x4000000000000000', /inode 12 is damaged: \d+ bytes in a file/],
  ])('%s is told with its place', async (_, command, said) => {
    const disk = planted(['-O', '^metadata_csum', '-N', '1024']);
    debugfs(disk, command);
    expect(await refusal(disk)).toMatch(said);
  });

  test('a tree of extents that leads back to where it was', async () => {
    const disk = planted();
    const block = blockOf(disk, 'file');
    // The file's own block is a node with one entry, which leads to itself.
    const node = Buffer.alloc(4096);
    node.set([0x0a, 0xf3, 1, 0, 4, 0, 1, 0]);
    node.writeUInt32LE(block, 16);
    const bytes = readFileSync(disk);
    bytes.set(node, block * 4096);
    writeFileSync(disk, bytes);
    debugfs(
      disk,
      'set_inode_field file block[1] 0x10004',
      `set_inode_field file block[4] ${block}`,
      'set_inode_field file block[5] 0',
    );
    expect(await refusal(disk)).toMatch(/^the block map of inode 12 is damaged: a node of depth 1$/);
  });

  test('entries of a folder that do not fit their block', async () => {
    const disk = planted();
    const block = blockOf(disk, 'sub');
    const bytes = readFileSync(disk);
    bytes.writeUInt16LE(0, block * 4096 + 4);
    writeFileSync(disk, bytes);
    expect(await refusal(disk)).toMatch(/^folder \d+ is damaged at byte 0 of a block: an entry of 0 bytes$/);
  });
});
