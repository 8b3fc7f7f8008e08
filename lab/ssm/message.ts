import { createHash } from 'node:crypto';

/**
 * One message of the data channel, as session-manager-plugin reads and writes it (src/message): a header of fixed
 * fields, big-endian, then the payload.
 */
export type Message = {
  readonly type: 'input_stream_data' | 'output_stream_data' | 'acknowledge' | 'channel_closed' | (string & {});
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly sequence: number;
  readonly flags: number;
  readonly id: string;
  readonly payloadType: number;
  readonly payload: Buffer;
};

export const PAYLOAD = {
  none: 0,
  output: 1,
  size: 3,
  handshakeRequest: 5,
  handshakeResponse: 6,
  handshakeComplete: 7,
  flag: 10,
} as const;

/** What a payload of type `flag` says. */
export const FLAG = { disconnectToPort: 1, terminateSession: 2, connectToPortError: 3 } as const;

const SCHEMA_VERSION = 1;
const AT = {
  type: 4,
  schemaVersion: 36,
  createdAt: 40,
  sequence: 48,
  flags: 56,
  id: 64,
  digest: 80,
  payloadType: 112,
  payloadLength: 116,
  payload: 120,
} as const;

function digestOf(payload: Buffer): Buffer {
  return createHash('sha256').update(payload).digest();
}

/** The two halves of an id change places: the plugin writes the less significant one first. */
function swapHalves(id: Buffer): Buffer {
  return Buffer.concat([id.subarray(8), id.subarray(0, 8)]);
}

export function encodeMessage({ type, createdAt, sequence, flags, id, payloadType, payload }: Message): Buffer {
  const bytes = Buffer.alloc(AT.payload + payload.length);
  // The header's length counts up to the payload's length, which stands behind it.
  bytes.writeUInt32BE(AT.payloadLength, 0);
  bytes.write(type.padEnd(AT.schemaVersion - AT.type, ' '), AT.type, 'utf8');
  bytes.writeUInt32BE(SCHEMA_VERSION, AT.schemaVersion);
  bytes.writeBigUInt64BE(BigInt(createdAt), AT.createdAt);
  bytes.writeBigInt64BE(BigInt(sequence), AT.sequence);
  bytes.writeBigUInt64BE(BigInt(flags), AT.flags);
  swapHalves(Buffer.from(id.replaceAll('-', ''), 'hex')).copy(bytes, AT.id);
  digestOf(payload).copy(bytes, AT.digest);
  bytes.writeUInt32BE(payloadType, AT.payloadType);
  bytes.writeUInt32BE(payload.length, AT.payloadLength);
  payload.copy(bytes, AT.payload);
  return bytes;
}

function uuidOf(bytes: Buffer): string {
  return swapHalves(bytes)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** @throws Error for what is no message, or not the one that was sent */
export function decodeMessage(bytes: Buffer): Message {
  if (bytes.length < AT.payload) throw new Error(`a message of ${bytes.length} bytes has no header`);
  const payload = bytes.subarray(bytes.readUInt32BE(0) + 4);
  const length = bytes.readUInt32BE(AT.payloadLength);
  if (payload.length !== length) throw new Error(`the payload has ${payload.length} bytes, not ${length}`);
  if (length > 0 && !digestOf(payload).equals(bytes.subarray(AT.digest, AT.payloadType)))
    throw new Error('the digest is not that of the payload');
  return {
    type: bytes.toString('utf8', AT.type, AT.schemaVersion).replaceAll('\0', '').trim(),
    createdAt: Number(bytes.readBigUInt64BE(AT.createdAt)),
    sequence: Number(bytes.readBigInt64BE(AT.sequence)),
    flags: Number(bytes.readBigUInt64BE(AT.flags)),
    id: uuidOf(bytes.subarray(AT.id, AT.digest)),
    payloadType: bytes.readUInt32BE(AT.payloadType),
    payload,
  };
}
