import { crc32 } from 'node:zlib';
import type { Bytes } from '../bytes.ts';

export type PartitionPlace = {
  readonly number: number;
  readonly from: number;
  readonly bytes: number;
  /** A GUID (GPT), a byte as `0x83` (MBR), or null without a table. */
  readonly type: string | null;
  readonly label: string | null;
};

const MBR_BYTES = 512;
const MBR_SIGNATURE = 0xaa55;
const TABLE_AT = 446;
const PROTECTIVE = 0xee;
const EXTENDED = new Set([0x05, 0x0f, 0x85]);
const MOST_LOGICAL = 64;
/** The table's own limit is what the header says; nobody makes more than 128. */
const MOST_ENTRIES = 1024;
const SECTORS = [512, 4096];

type MbrEntry = { readonly flag: number; readonly type: number; readonly first: number; readonly sectors: number };

function mbrEntries(sector: Buffer): readonly MbrEntry[] {
  return [0, 1, 2, 3].map((each) => {
    const at = TABLE_AT + each * 16;
    return {
      flag: sector.readUInt8(at),
      type: sector.readUInt8(at + 4),
      first: sector.readUInt32LE(at + 8),
      sectors: sector.readUInt32LE(at + 12),
    };
  });
}

/** As it is written everywhere: the first three fields are little-endian on the disk. */
function guidOf(bytes: Buffer): string {
  const turned = [bytes.subarray(0, 4), bytes.subarray(4, 6), bytes.subarray(6, 8)].map((field) =>
    Buffer.from(field).reverse().toString('hex'),
  );
  return [...turned, bytes.toString('hex', 8, 10), bytes.toString('hex', 10, 16)].join('-').toUpperCase();
}

function gptPartition(entry: Buffer, number: number, sector: number): PartitionPlace {
  const first = Number(entry.readBigUInt64LE(32));
  const last = Number(entry.readBigUInt64LE(40));
  if (last < first) throw new Error(`partition ${number} of the GPT ends before it begins`);
  return {
    number,
    from: first * sector,
    bytes: (last - first + 1) * sector,
    type: guidOf(entry.subarray(0, 16)),
    label: entry.toString('utf16le', 56, 128).replace(/\0.*$/s, ''),
  };
}

/** By the header at the disk's beginning; the copy at its end is not looked at. */
function gptPartitions(disk: Bytes): PartitionPlace[] {
  const sector = SECTORS.find((bytes) => disk.read(bytes, 8).toString('latin1') === 'EFI PART');
  if (sector === undefined) throw new Error('the disk says that it has a GPT, and there is none at its beginning');
  const header = disk.read(sector, sector);
  const length = header.readUInt32LE(12);
  if (length < 92 || length > sector) throw new Error(`the GPT's header says that it is ${length} bytes long`);
  const bare = Buffer.from(header.subarray(0, length));
  bare.writeUInt32LE(0, 16);
  if (crc32(bare) !== header.readUInt32LE(16)) throw new Error("the checksum of the GPT's header is wrong");
  const [count, size] = [header.readUInt32LE(80), header.readUInt32LE(84)];
  if (count > MOST_ENTRIES || size < 128 || size > 4096)
    throw new Error(`the GPT says that it has ${count} entries of ${size} bytes`);
  const table = disk.read(Number(header.readBigUInt64LE(72)) * sector, count * size);
  if (crc32(table) !== header.readUInt32LE(88)) throw new Error("the checksum of the GPT's entries is wrong");
  const found: PartitionPlace[] = [];
  for (let at = 0; at < count; at += 1) {
    const entry = table.subarray(at * size, (at + 1) * size);
    if (entry.subarray(0, 16).some((byte) => byte !== 0)) found.push(gptPartition(entry, at + 1, sector));
  }
  return found;
}

function mbrPartition({ type, first, sectors }: MbrEntry, base: number, number: number): PartitionPlace {
  return {
    number,
    from: (base + first) * MBR_BYTES,
    bytes: sectors * MBR_BYTES,
    type: `0x${type.toString(16).padStart(2, '0')}`,
    label: null,
  };
}

/** Logical partitions are a chain of tables, each relative to the first one, counted from 5. */
function logicalPartitions(disk: Bytes, base: number): PartitionPlace[] {
  const found: PartitionPlace[] = [];
  for (let next = 0, number = 5; ; number += 1) {
    if (found.length >= MOST_LOGICAL) throw new Error(`the extended partition has more than ${MOST_LOGICAL} tables`);
    const sector = disk.read((base + next) * MBR_BYTES, MBR_BYTES);
    if (sector.readUInt16LE(510) !== MBR_SIGNATURE) throw new Error('a table of the extended partition is damaged');
    const [own, link] = mbrEntries(sector);
    if (own !== undefined && own.sectors > 0) found.push(mbrPartition(own, base + next, number));
    if (link === undefined || link.sectors === 0) return found;
    if (link.first <= next) throw new Error('the tables of the extended partition go in a circle');
    next = link.first;
  }
}

function mbrPartitions(disk: Bytes, entries: readonly MbrEntry[]): PartitionPlace[] {
  return entries.flatMap((entry, at) => {
    if (entry.type === 0 || entry.sectors === 0) return [];
    return EXTENDED.has(entry.type) ? logicalPartitions(disk, entry.first) : [mbrPartition(entry, 0, at + 1)];
  });
}

function checked(disk: Bytes, found: readonly PartitionPlace[]): readonly PartitionPlace[] {
  const sorted = found.toSorted((a, b) => a.from - b.from);
  let end = 0;
  for (const { number, from, bytes } of sorted) {
    if (from + bytes > disk.bytes) throw new Error(`partition ${number} ends behind the end of the disk`);
    if (from < end) throw new Error(`partition ${number} lies over the one before it`);
    end = from + bytes;
  }
  return sorted;
}

/**
 * Partitions in the order of the disk, read as the kernel reads them: a GPT only behind an MBR that says so, else the
 * MBR. None when there is no table.
 *
 * @throws Error when a table is damaged
 */
export function readPartitions(disk: Bytes): readonly PartitionPlace[] {
  if (disk.bytes < 2 * Math.max(...SECTORS)) throw new Error(`the disk has only ${disk.bytes} bytes`);
  const sector = disk.read(0, MBR_BYTES);
  if (sector.readUInt16LE(510) !== MBR_SIGNATURE) return [];
  const entries = mbrEntries(sector);
  if (entries.some(({ type }) => type === PROTECTIVE)) return checked(disk, gptPartitions(disk));
  // Without these the signature is that of a boot sector, and what would be the table is its code.
  if (entries.some(({ flag }) => (flag & 0x7f) !== 0)) return [];
  return checked(disk, mbrPartitions(disk, entries));
}

/** What of the disk lies in no partition, in its order. */
export function outsidePartitions(
  bytes: number,
  partitions: readonly PartitionPlace[],
): readonly { readonly from: number; readonly bytes: number }[] {
  const found: { from: number; bytes: number }[] = [];
  let end = 0;
  for (const partition of [...partitions, { from: bytes, bytes: 0 }]) {
    if (partition.from > end) found.push({ from: end, bytes: partition.from - end });
    end = partition.from + partition.bytes;
  }
  return found;
}
