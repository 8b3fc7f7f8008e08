import type { Inode } from './inode.ts';

/** An attribute as the inode has it; its value lies in an inode of its own when that is not 0. */
export type RawAttribute = { readonly name: string; readonly value: Buffer; readonly valueInode: number };

const MAGIC = 0xea020000;
const BLOCK_HEADER_BYTES = 32;
const ENTRY_BYTES = 16;

/** Of the kernel's table; what is not in it is told by its number, so that nothing is hidden. */
const PREFIXES: Readonly<Record<number, string>> = {
  0: '',
  1: 'user.',
  2: 'system.posix_acl_access',
  3: 'system.posix_acl_default',
  4: 'trusted.',
  6: 'security.',
  7: 'system.',
  8: 'system.richacl',
  9: 'encryption.',
  10: 'gnu.',
};

const ACCESS_LISTS = new Set([PREFIXES[2], PREFIXES[3]]);

/** Content of a small file that lies in its inode; no attribute to whoever lists them. */
export const INLINE_CONTENT = 'system.data';

function readEntries(bytes: Buffer, entriesAt: number, valuesFrom: number, place: string): RawAttribute[] {
  const found: RawAttribute[] = [];
  const damaged = (what: string): never => {
    throw new Error(`the attributes of ${place} are damaged: ${what}`);
  };
  for (let at = entriesAt; ; ) {
    if (at + 4 > bytes.length) damaged('no end');
    if (bytes.readUInt32LE(at) === 0) return found;
    if (at + ENTRY_BYTES > bytes.length) damaged('an entry without end');
    const [nameBytes, index] = [bytes.readUInt8(at), bytes.readUInt8(at + 1)];
    const nameAt = at + ENTRY_BYTES;
    if (nameAt + nameBytes > bytes.length) damaged('a name without end');
    const prefix = PREFIXES[index] ?? `unknown(${index}).`;
    const name = prefix + bytes.toString('utf8', nameAt, nameAt + nameBytes);
    const valueInode = bytes.readUInt32LE(at + 4);
    const valueBytes = bytes.readUInt32LE(at + 8);
    const valueAt = valuesFrom + bytes.readUInt16LE(at + 2);
    if (valueInode === 0 && valueAt + valueBytes > bytes.length) damaged(`the value of ${name} is not within them`);
    const value = valueInode === 0 ? bytes.subarray(valueAt, valueAt + valueBytes) : Buffer.alloc(0);
    found.push({ name, value, valueInode });
    at = nameAt + Math.ceil(nameBytes / 4) * 4;
  }
}

/** Those that lie in the inode itself. @throws Error when they are damaged */
export function attributesInInode({ rest, number }: Inode): RawAttribute[] {
  if (rest.length < 4 || rest.readUInt32LE(0) !== MAGIC) return [];
  return readEntries(rest, 4, 4, `inode ${number}`);
}

/** Those of a block of them. @throws Error when they are damaged */
export function attributesInBlock(block: Buffer, inode: number): RawAttribute[] {
  if (block.readUInt32LE(0) !== MAGIC)
    throw new Error(`the attributes of inode ${inode} are damaged: their block does not begin as one`);
  return readEntries(block, BLOCK_HEADER_BYTES, 0, `inode ${inode}`);
}

const USER = 0x02;
const GROUP = 0x08;
const NOBODY = 0xffffffff;

/** An access control list as getxattr(2) gives it: on the disk entries without a user or group are shorter. */
function accessList(raw: Buffer, place: string): Buffer {
  const damaged = (): never => {
    throw new Error(`an access control list of ${place} is damaged`);
  };
  if (raw.length < 4 || raw.readUInt32LE(0) !== 1) damaged();
  const entries: Buffer[] = [Buffer.from([2, 0, 0, 0])];
  for (let at = 4; at < raw.length; ) {
    if (at + 4 > raw.length) damaged();
    const tag = raw.readUInt16LE(at);
    const isNamed = tag === USER || tag === GROUP;
    if (isNamed && at + 8 > raw.length) damaged();
    const entry = Buffer.alloc(8);
    entry.writeUInt16LE(tag, 0);
    entry.writeUInt16LE(raw.readUInt16LE(at + 2), 2);
    entry.writeUInt32LE(isNamed ? raw.readUInt32LE(at + 4) : NOBODY, 4);
    entries.push(entry);
    at += isNamed ? 8 : 4;
  }
  return Buffer.concat(entries);
}

/** The value as getxattr(2) gives it. @throws Error when it is damaged */
export function attributeValue(name: string, value: Buffer, place: string): Buffer {
  return ACCESS_LISTS.has(name) ? accessList(value, place) : value;
}
