/**
 * The frames by which the plugin carries several connections over one port session: protocol version 1 of smux
 * (github.com/xtaci/smux), little-endian: version, command, length of the data, number of the stream.
 */
export const MUX = { open: 0, end: 1, data: 2, nothing: 3 } as const;

export type Frame = { readonly command: number; readonly stream: number; readonly data: Buffer };

const VERSION = 1;
const HEADER_BYTES = 8;

export function encodeFrame({ command, stream, data }: Frame): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt8(VERSION, 0);
  header.writeUInt8(command, 1);
  header.writeUInt16LE(data.length, 2);
  header.writeUInt32LE(stream, 4);
  return Buffer.concat([header, data]);
}

/** Takes bytes in whatever pieces they come. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /** @throws Error for another version of the protocol */
  *push(bytes: Buffer): Generator<Frame, void, void> {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    while (this.#rest.length >= HEADER_BYTES) {
      const version = this.#rest.readUInt8(0);
      if (version !== VERSION) throw new Error(`mux version ${version} is not spoken here`);
      const end = HEADER_BYTES + this.#rest.readUInt16LE(2);
      if (this.#rest.length < end) return;
      const frame = {
        command: this.#rest.readUInt8(1),
        stream: this.#rest.readUInt32LE(4),
        data: this.#rest.subarray(HEADER_BYTES, end),
      };
      this.#rest = this.#rest.subarray(end);
      yield frame;
    }
  }
}
