/** A name in a folder; names are bytes, and not always text. */
export type Name = { readonly inode: number; readonly name: Buffer };

const HEADER_BYTES = 8;
const SLASH = 0x2f;

/** A length of 64 KiB does not fit its 16 bits. */
function recordBytes(written: number, blockBytes: number): number {
  return blockBytes >= 65536 && (written === 65535 || written === 0) ? 65536 : written;
}

/**
 * Names of one block of a folder, without `.` and `..`. The blocks of a folder's index look like empty ones to this, as
 * they do to a kernel that knows no index.
 *
 * @throws Error when it is damaged
 */
export function readNames(block: Buffer, hasFileTypes: boolean, place: string): Name[] {
  const names: Name[] = [];
  for (let at = 0; at < block.length; ) {
    const damaged = (what: string): never => {
      throw new Error(`${place} is damaged at byte ${at} of a block: ${what}`);
    };
    if (block.length - at < HEADER_BYTES) damaged('no room for an entry');
    const inode = block.readUInt32LE(at);
    const length = recordBytes(block.readUInt16LE(at + 4), block.length);
    const nameBytes = hasFileTypes ? block.readUInt8(at + 6) : block.readUInt16LE(at + 6);
    if (length < HEADER_BYTES || length % 4 !== 0 || at + length > block.length) damaged(`an entry of ${length} bytes`);
    if (inode !== 0) {
      if (nameBytes === 0 || nameBytes > length - HEADER_BYTES) damaged(`a name of ${nameBytes} bytes`);
      const name = block.subarray(at + HEADER_BYTES, at + HEADER_BYTES + nameBytes);
      if (name.includes(SLASH) || name.includes(0)) damaged('a name with a slash or a zero in it');
      const text = name.toString('latin1');
      if (text !== '.' && text !== '..') names.push({ inode, name });
    }
    at += length;
  }
  return names;
}
