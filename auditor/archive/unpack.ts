import { gunzipSync, type Zlib, zstdDecompressSync } from 'node:zlib';
import xz from 'xz-decompress';
import { LZ4_MAGIC, unpackLz4 } from './lz4.ts';

/** What an initramfs unpacks to is in memory as a whole, as it is when a kernel boots. */
const MOST_BYTES = 1024 ** 3;

const GZIP = Buffer.from([0x1f, 0x8b]);
const ZSTD = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
const XZ = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]);
const LZ4 = Buffer.alloc(4);
LZ4.writeUInt32LE(LZ4_MAGIC);

export type Unpacked = { readonly unpacked: Buffer; readonly consumed: number };

/** With `info` zlib says how much of its input was used; the types do not know of it. */
function withInfo(unpack: typeof gunzipSync | typeof zstdDecompressSync, packed: Buffer): Unpacked {
  const result = unpack(packed, { info: true, maxOutputLength: MOST_BYTES }) as unknown;
  const { buffer, engine } = result as { buffer: Buffer; engine: Zlib };
  return { unpacked: buffer, consumed: engine.bytesWritten };
}

async function unpackXz(packed: Buffer): Promise<Unpacked> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  const stream = new xz.XzReadableStream(new Blob([new Uint8Array(packed)]).stream());
  for await (const part of stream) {
    parts.push(new Uint8Array(part));
    bytes += part.length;
    if (bytes > MOST_BYTES) throw new Error(`it has more than ${MOST_BYTES} bytes when it is unpacked`);
  }
  return { unpacked: Buffer.concat(parts), consumed: packed.length };
}

/**
 * Unpacks what begins here, as far as it goes.
 *
 * @throws Error when it is packed by something else, damaged, or more than 1 GiB
 */
export async function unpack(packed: Buffer): Promise<Unpacked> {
  const begins = (magic: Buffer) => packed.subarray(0, magic.length).equals(magic);
  if (begins(GZIP)) return withInfo(gunzipSync, packed);
  if (begins(ZSTD)) return withInfo(zstdDecompressSync, packed);
  if (begins(XZ)) return unpackXz(packed);
  if (begins(LZ4)) {
    const { unpacked, consumed } = unpackLz4(packed.subarray(LZ4.length), MOST_BYTES);
    return { unpacked, consumed: consumed + LZ4.length };
  }
  throw new Error(`0x${packed.toString('hex', 0, 6)} is the beginning of nothing that is unpacked here`);
}
