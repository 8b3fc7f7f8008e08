import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { tempFolder } from '../support/temp-folder.ts';
import { audit, makeExt4, runAuditor } from './file-systems.ts';
import { SAMPLES } from './samples.ts';

const SECTOR = 512;
const MIB = 1024 * 1024;
const LINUX_ROOT = '4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709';
const BIOS_BOOT = '21686148-6449-6E6F-744E-656564454649';
/** Where the file system begins, and how long it is, in sectors. */
const ROOT = { first: 8192, sectors: (64 * MIB) / SECTOR };
const BOOT = { first: 2048, sectors: 2048 };
const DISK_BYTES = 80 * MIB;

function guidBytes(guid: string): Buffer {
  const [a = '', b = '', c = '', d = '', e = ''] = guid.split('-');
  return Buffer.concat([...[a, b, c].map((field) => Buffer.from(field, 'hex').reverse()), Buffer.from(d + e, 'hex')]);
}

function gptEntry(type: string, { first, sectors }: typeof ROOT, label: string): Buffer {
  const entry = Buffer.alloc(128);
  guidBytes(type).copy(entry, 0);
  entry.fill(7, 16, 32);
  entry.writeBigUInt64LE(BigInt(first), 32);
  entry.writeBigUInt64LE(BigInt(first + sectors - 1), 40);
  entry.write(label, 56, 'utf16le');
  return entry;
}

/** The first sectors of a disk with a GPT: the MBR that says so, the header, the entries. */
function gpt(entries: readonly (Buffer | null)[]): Buffer {
  const head = Buffer.alloc(34 * SECTOR);
  head.writeUInt8(0xee, 446 + 4);
  head.writeUInt32LE(1, 446 + 8);
  head.writeUInt32LE(0xffffffff, 446 + 12);
  head.writeUInt16LE(0xaa55, 510);
  for (const [at, entry] of entries.entries()) entry?.copy(head, 2 * SECTOR + at * 128);
  const header = head.subarray(SECTOR, SECTOR + 92);
  header.write('EFI PART');
  header.writeUInt32LE(0x10000, 8);
  header.writeUInt32LE(92, 12);
  header.writeBigUInt64LE(2n, 72);
  header.writeUInt32LE(128, 80);
  header.writeUInt32LE(128, 84);
  header.writeUInt32LE(crc32(head.subarray(2 * SECTOR, 34 * SECTOR)), 88);
  header.writeUInt32LE(crc32(header), 16);
  return head;
}

function mbr(parts: readonly { readonly type: number; readonly first: number; readonly sectors: number }[]): Buffer {
  const sector = Buffer.alloc(SECTOR);
  for (const [at, { type, first, sectors }] of parts.entries()) {
    sector.writeUInt8(type, 446 + at * 16 + 4);
    sector.writeUInt32LE(first, 446 + at * 16 + 8);
    sector.writeUInt32LE(sectors, 446 + at * 16 + 12);
  }
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

/** A disk with a file system at ROOT, and what is given at sectors. */
function makeDisk(written: Readonly<Record<number, Buffer>>): string {
  const folder = tempFolder();
  const root = join(folder, 'root');
  mkdirSync(root);
  writeFileSync(join(root, 'hello'), 'hello');
  const disk = join(folder, 'disk');
  const fileSystem = readFileSync(makeExt4(join(folder, 'ext4'), root));
  const file = openSync(disk, 'w');
  writeSync(file, fileSystem, 0, fileSystem.length, ROOT.first * SECTOR);
  for (const [sector, bytes] of Object.entries(written))
    writeSync(file, bytes, 0, bytes.length, Number(sector) * SECTOR);
  closeSync(file);
  truncateSync(disk, DISK_BYTES);
  return disk;
}

async function refusal(disk: string): Promise<string> {
  const asked = { action: 'manifest', contents: [], disk: { volumeId: 'vol-0', deviceName: disk } };
  const { code, stderr } = await runAuditor(JSON.stringify(asked));
  expect(code).toBe(1);
  return stderr.trim();
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe('a disk with a GPT', () => {
  test('has its partitions, by hash where they are no file system, and what is around them', async () => {
    const boot = randomBytes(BOOT.sectors * SECTOR);
    const entries = [gptEntry(LINUX_ROOT, ROOT, 'root'), ...Array(12).fill(null), gptEntry(BIOS_BOOT, BOOT, '')];
    const disk = makeDisk({ 0: gpt(entries), [BOOT.first]: boot });
    const [first, ...rest] = await audit(disk, { action: 'manifest', contents: [] });
    const raw = readFileSync(disk);
    const area = (from: number, to: number) => ({ from, bytes: to - from, sha256: sha256(raw.subarray(from, to)) });
    const end = (ROOT.first + ROOT.sectors) * SECTOR;
    expect(first).toEqual({
      type: 'disk',
      bytes: DISK_BYTES,
      partitions: [
        {
          ...{ number: 14, from: BOOT.first * SECTOR, bytes: BOOT.sectors * SECTOR, type: BIOS_BOOT, label: '' },
          ...{ fileSystem: 'other', sha256: sha256(boot) },
        },
        {
          ...{ number: 1, from: ROOT.first * SECTOR, bytes: ROOT.sectors * SECTOR, type: LINUX_ROOT, label: 'root' },
          ...{ fileSystem: 'ext4', sha256: null },
        },
      ],
      unpartitioned: [
        area(0, BOOT.first * SECTOR),
        area((BOOT.first + BOOT.sectors) * SECTOR, ROOT.first * SECTOR),
        area(end, DISK_BYTES),
      ],
    });
    expect(rest).toContainEqual(expect.objectContaining({ partition: 1, path: '/hello', size: 5 }));
  });

  test('is searched for secrets in places of the disk, outside of partitions too', async () => {
    const { text, rule } = SAMPLES['a token of GitHub'] ?? { text: '', rule: '' };
    const hidden = [100, BOOT.first + 9, ROOT.first + ROOT.sectors + 3];
    const entries = [gptEntry(LINUX_ROOT, ROOT, 'root'), gptEntry(BIOS_BOOT, BOOT, '')];
    const written = Object.fromEntries(hidden.map((sector) => [sector, Buffer.from(text)]));
    const disk = makeDisk({ 0: gpt(entries), ...written });
    const lines = await audit(disk, { action: 'scan', files: ['/hello'], freeSpace: true, data: null });
    const found = lines.flatMap((line) => (line.type === 'finding' ? [line] : []));
    expect(found.toSorted((a, b) => a.offset - b.offset)).toEqual(
      hidden.map((sector) => ({ type: 'finding', rule, where: 'free space', path: null, offset: sector * SECTOR })),
    );
  });

  test.each([
    ['a header that was changed', SECTOR + 40, /checksum of the GPT's header is wrong/],
    ['entries that were changed', 2 * SECTOR + 60, /checksum of the GPT's entries is wrong/],
    ['no header', SECTOR, /there is none at its beginning/],
  ])('is refused with %s', async (_, at, said) => {
    const head = gpt([gptEntry(LINUX_ROOT, ROOT, 'root')]);
    head.writeUInt8(head.readUInt8(at) ^ 1, at);
    expect(await refusal(makeDisk({ 0: head }))).toMatch(said);
  });

  test('is refused with partitions over each other, or beyond the disk', async () => {
    const over = gpt([gptEntry(LINUX_ROOT, ROOT, ''), gptEntry(BIOS_BOOT, { first: 9000, sectors: 5 }, '')]);
    expect(await refusal(makeDisk({ 0: over }))).toBe('partition 2 lies over the one before it');
    const beyond = gpt([gptEntry(LINUX_ROOT, { ...ROOT, sectors: 1_000_000 }, '')]);
    expect(await refusal(makeDisk({ 0: beyond }))).toBe('partition 1 ends behind the end of the disk');
  });
});

describe('a disk with an MBR', () => {
  test('has its partitions, logical ones from 5 on', async () => {
    const small = { type: 0x83, first: 1, sectors: 10 };
    const disk = makeDisk({
      0: mbr([
        { type: 0x83, ...ROOT },
        { type: 0x05, first: 2048, sectors: 4096 },
      ]),
      2048: mbr([small, { type: 0x05, first: 100, sectors: 200 }]),
      2148: mbr([small]),
    });
    const [first] = await audit(disk, { action: 'manifest', contents: [] });
    expect(
      first?.type === 'disk' && first.partitions.map(({ number, from, type }) => [number, from / SECTOR, type]),
    ).toEqual([
      [5, 2049, '0x83'],
      [6, 2149, '0x83'],
      [1, ROOT.first, '0x83'],
    ]);
  });

  test('is refused when its tables go in a circle', async () => {
    const disk = makeDisk({
      0: mbr([{ type: 0x05, first: 2048, sectors: 4096 }]),
      2048: mbr([
        { type: 0x83, first: 1, sectors: 10 },
        { type: 0x05, first: 100, sectors: 200 },
      ]),
      2148: mbr([
        { type: 0x83, first: 1, sectors: 10 },
        { type: 0x05, first: 100, sectors: 200 },
      ]),
    });
    expect(await refusal(disk)).toMatch(/go in a circle/);
  });
});

describe('a request that cannot be met', () => {
  test.each([
    ['', 'the request is no JSON'],
    ['[]', 'the request is no object'],
    ['{"action":"format","disk":"own root"}', 'the request has an unknown action: "format"'],
    ['{"action":"manifest","contents":[]}', "the request has no disk: { volumeId, deviceName } or 'own root'"],
    ['{"action":"manifest","disk":"own root"}', 'the request has no list of contents'],
    [
      '{"action":"scan","disk":"own root","files":[],"freeSpace":true,"data":[[5,9],[8,10]]}',
      'the data of the request are no ranges in order',
    ],
    [
      '{"action":"manifest","contents":[],"disk":{"volumeId":"vol-00","deviceName":"/dev/sdzz"}}',
      'vol-00 is not attached here, neither by its id nor as /dev/sdzz',
    ],
  ])('%s ends with one line that says why', async (request, said) => {
    expect(await runAuditor(request)).toMatchObject({ code: 1, stderr: `${said}\n` });
  });

  test('a disk with nothing that is read here', async () => {
    const disk = join(tempFolder(), 'disk');
    writeFileSync(disk, Buffer.alloc(MIB));
    expect(await refusal(disk)).toBe('the disk has neither a partition table nor an ext4 file system');
    copyFileSync(disk, `${disk}.small`);
    truncateSync(`${disk}.small`, 100);
    expect(await refusal(`${disk}.small`)).toBe('the disk has only 100 bytes');
  });
});
