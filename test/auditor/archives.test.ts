import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { MemberLine } from '#contracts/audit.ts';
import { membersOf } from '../../auditor/archive/members.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { audit, makeExt4 } from './file-systems.ts';

type Planted = {
  readonly name: string;
  readonly mode?: number;
  readonly content?: string | Buffer;
  readonly inode?: number;
  readonly links?: number;
};

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}

/** cpio as `cpio --format=newc` writes it. */
function cpio(...members: readonly Planted[]): Buffer {
  return Buffer.concat(
    [...members, { name: 'TRAILER!!!', mode: 0 }].map(
      ({ name, mode = 0o100644, content = '', inode = 1, links = 1 }) => {
        const [nameBytes, body] = [Buffer.from(`${name}\0`), Buffer.from(content)];
        const fields = [inode, mode, 0, 0, links, 0, body.length, 8, 1, 0, 0, nameBytes.length, 0];
        const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
        return Buffer.concat([padded(Buffer.concat([Buffer.from(header), nameBytes])), padded(body)]);
      },
    ),
  );
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

async function members(bytes: Buffer): Promise<MemberLine[]> {
  const found: MemberLine[] = [];
  for await (const member of membersOf('/boot/initrd', bytes)) found.push(member);
  return found;
}

async function names(bytes: Buffer): Promise<string[]> {
  return (await members(bytes)).map(({ path }) => path);
}

/** Half of it can be packed, and it is more than one block of lz4. */
const LARGE = Buffer.concat([randomBytes(5_000_000), Buffer.alloc(5_000_000, 'pattern ')]);

const EARLY = cpio({ name: 'early', content: 'microcode' });
const MAIN = cpio({ name: 'init', mode: 0o100755, content: '#!/bin/sh\n' }, { name: 'large', content: LARGE });

test('members have their kind, mode, hash and target', async () => {
  const archive = cpio(
    { name: '.', mode: 0o40755 },
    { name: 'bin/tool', mode: 0o104755, content: 'tool' },
    { name: 'bin/link', mode: 0o120777, content: 'tool' },
    { name: 'dev/null', mode: 0o20666 },
    { name: 'empty' },
  );
  const archived = { type: 'member', archive: '/boot/initrd' };
  expect(await members(archive)).toEqual([
    { ...archived, path: '.', kind: 'folder', mode: 0o755 },
    { ...archived, path: 'bin/tool', kind: 'file', mode: 0o4755, sha256: sha256('tool') },
    { ...archived, path: 'bin/link', kind: 'link', mode: 0o777, target: 'tool' },
    { ...archived, path: 'dev/null', kind: 'char', mode: 0o666 },
    { ...archived, path: 'empty', kind: 'file', mode: 0o644, sha256: sha256('') },
  ]);
});

test('a file that is asked for is told with its content, unless it is large', async () => {
  const archive = cpio(
    { name: 'conf/arch.conf', content: 'DPKG_ARCH=amd64\n' },
    { name: 'conf/large', content: Buffer.alloc(70_000) },
    { name: 'conf/link', mode: 0o120777, content: 'x' },
    { name: 'init', content: '#!/bin/sh\n' },
  );
  const found: MemberLine[] = [];
  for await (const member of membersOf('/boot/initrd', archive, (path) => path.startsWith('conf/'))) found.push(member);
  expect(found.flatMap(({ path, base64 }) => (base64 === undefined ? [] : [[path, base64]]))).toEqual([
    ['conf/arch.conf', Buffer.from('DPKG_ARCH=amd64\n').toString('base64')],
  ]);
});

test('names of one file have the content that only the last of them comes with', async () => {
  const file = { inode: 7, links: 2 };
  const found = await members(cpio({ name: 'first', ...file }, { name: 'second', content: 'both', ...file }));
  expect(found.map(({ sha256: hash }) => hash)).toEqual([sha256('both'), sha256('both')]);
});

/** By the tool of that name, or null where it is not here. */
function packedBy(command: string, options: readonly string[], bytes: Buffer): Buffer | null {
  const { status, stdout } = spawnSync(command, options, { input: bytes, maxBuffer: 1024 ** 3 });
  return status === 0 ? stdout : null;
}

describe.each([
  ['gzip', (bytes: Buffer) => gzipSync(bytes)],
  ['zstd', (bytes: Buffer) => zstdCompressSync(bytes)],
  ['lz4', (bytes: Buffer) => packedBy('lz4', ['-l', '-c'], bytes)],
  ['xz', (bytes: Buffer) => packedBy('xz', ['--check=crc32', '-0'], bytes)],
])('packed by %s', (tool, pack) => {
  test('and behind an archive that is not, all members are there', async (context) => {
    const packed = pack(MAIN);
    if (packed === null) return context.skip(`${tool} is not here`);
    const found = await members(Buffer.concat([EARLY, Buffer.alloc(512), packed, Buffer.alloc(256)]));
    expect(found).toMatchObject([
      { path: 'early', sha256: sha256('microcode') },
      { path: 'init', mode: 0o755 },
      { path: 'large', sha256: sha256(LARGE) },
    ]);
  });

  test('an archive that is cut off is refused', async (context) => {
    const packed = pack(MAIN);
    if (packed === null) return context.skip(`${tool} is not here`);
    await expect(names(packed.subarray(0, packed.length - 3000))).rejects.toThrow();
  });
});

test('what is hidden behind a packed archive is there, too, or refused', async () => {
  const hidden = cpio({ name: 'hidden' });
  expect(await names(Buffer.concat([zstdCompressSync(EARLY), hidden]))).toEqual(['early', 'hidden']);
  expect(await names(Buffer.concat([gzipSync(EARLY), gzipSync(hidden)]))).toEqual(['early', 'hidden']);
  await expect(names(Buffer.concat([EARLY, Buffer.from('something')]))).rejects.toThrow(/beginning of nothing/);
  await expect(names(gzipSync(Buffer.concat([EARLY, Buffer.from('x')])))).rejects.toThrow(
    /behind the archive, at byte/,
  );
});

test('an archive without its end is refused', async () => {
  await expect(names(EARLY.subarray(0, EARLY.length - 124))).rejects.toThrow(/no member, and no end/);
  await expect(names(EARLY.subarray(0, 115))).rejects.toThrow(/a member without end/);
});

test('the manifest has members of the archives that are asked for', async () => {
  const folder = tempFolder();
  const root = join(folder, 'root');
  mkdirSync(join(root, 'boot'), { recursive: true });
  writeFileSync(join(root, 'boot', 'initrd.img-6.1'), Buffer.concat([EARLY, zstdCompressSync(MAIN)]));
  writeFileSync(join(root, 'boot', 'other'), EARLY);
  const disk = makeExt4(join(folder, 'disk'), root);
  const lines = await audit(disk, { action: 'manifest', contents: [], archives: ['/boot/initrd.img-'] });
  const found = lines.flatMap((line) => (line.type === 'member' ? [`${line.archive} ${line.path}`] : []));
  expect(found).toEqual(['early', 'init', 'large'].map((name) => `/boot/initrd.img-6.1 ${name}`));
});
