/**
 * The name that a TLS client asks for (SNI), read from its first bytes and without answering them: RFC 8446, 4.1.2, and
 * RFC 6066, 3.
 */

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const RECORD_HEADER = 5;

/** Reads numbers and pieces from the front on; everything beyond the end is an error. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  number(length: number): number {
    return this.take(length).readUIntBE(0, length);
  }

  take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError('cut off');
    const piece = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return piece;
  }

  /** A piece behind its length. */
  counted(lengthBytes: number): Buffer {
    return this.take(this.number(lengthBytes));
  }
}

/** The handshake's bytes of all whole records; null when there is something else. */
function handshakeIn(bytes: Buffer): Buffer | null {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] !== HANDSHAKE) return null;
    if (bytes.length < at + RECORD_HEADER) break;
    const end = at + RECORD_HEADER + bytes.readUInt16BE(at + 3);
    if (end > bytes.length) break;
    pieces.push(bytes.subarray(at + RECORD_HEADER, end));
    at = end;
  }
  return Buffer.concat(pieces);
}

function nameIn(hello: Buffer): string | null {
  const reader = new Reader(hello);
  // Version and random; then session, ciphers and compressions, each behind its length.
  reader.take(2 + 32);
  reader.counted(1);
  reader.counted(2);
  reader.counted(1);
  if (reader.isAtEnd) return null;
  const extensions = new Reader(reader.counted(2));
  while (!extensions.isAtEnd) {
    const type = extensions.number(2);
    const content = extensions.counted(2);
    if (type !== SERVER_NAME) continue;
    const names = new Reader(new Reader(content).counted(2));
    names.take(1);
    return names.counted(2).toString('latin1').toLowerCase();
  }
  return null;
}

/** `more` while the greeting is not whole; null when it names nobody, or is none. */
export function serverNameIn(bytes: Buffer): { readonly name: string | null } | 'more' {
  const handshake = handshakeIn(bytes);
  if (handshake === null) return { name: null };
  if (handshake.length < 4) return 'more';
  if (handshake[0] !== CLIENT_HELLO) return { name: null };
  const length = handshake.readUIntBE(1, 3);
  if (handshake.length < 4 + length) return 'more';
  try {
    return { name: nameIn(handshake.subarray(4, 4 + length)) };
  } catch (error) {
    if (error instanceof RangeError) return { name: null };
    throw error;
  }
}
