import { createHash } from 'node:crypto';

const PUBLIC_KEY = 6;
/** Signature, public key, user, public subkey, attribute of a user: what an exported key consists of. */
const OF_KEYS = [2, PUBLIC_KEY, 13, 14, 17];

type Packet = { readonly tag: number; readonly body: Buffer };

/** Length and where the body begins (RFC 9580, 4.2), or null for a form that keys do not come in. */
function bodyOf(data: Buffer, at: number): { readonly from: number; readonly length: number } | null {
  const first = data[at] ?? 0;
  const next = data[at + 1] ?? 0;
  if ((first & 0x40) === 0) {
    const sizes = [1, 2, 4];
    const size = sizes[first & 3];
    return size === undefined ? null : { from: at + 1 + size, length: data.readUIntBE(at + 1, size) };
  }
  if (next < 192) return { from: at + 2, length: next };
  if (next < 224) return { from: at + 3, length: ((next - 192) << 8) + (data[at + 2] ?? 0) + 192 };
  return next === 255 ? { from: at + 6, length: data.readUInt32BE(at + 2) } : null;
}

function packetsOf(data: Buffer): readonly Packet[] | null {
  const packets: Packet[] = [];
  for (let at = 0; at < data.length; ) {
    const first = data[at] ?? 0;
    if ((first & 0x80) === 0) return null;
    const body = bodyOf(data, at);
    if (body === null || body.from + body.length > data.length) return null;
    const tag = (first & 0x40) === 0 ? (first >> 2) & 15 : first & 63;
    packets.push({ tag, body: data.subarray(body.from, body.from + body.length) });
    at = body.from + body.length;
  }
  return packets;
}

/** One block and nothing beside it: apt takes every block of a file, whatever it is called. */
const BLOCK =
  /^\s*-----BEGIN PGP PUBLIC KEY BLOCK-----\n(?:[\w-]+: .*\n)*\n([A-Za-z0-9+/\n]+={0,2})\n(?:=[\w+/]{4}\n)?-----END PGP PUBLIC KEY BLOCK-----\s*$/;

function unarmoured(text: string): Buffer | null {
  const found = BLOCK.exec(text.replaceAll('\r\n', '\n'));
  return found?.[1] === undefined ? null : Buffer.from(found[1], 'base64');
}

/** Pure: fingerprints (version 4) of the primary keys in an armoured block, or null for what is no such block. */
export function keyFingerprints(text: string): readonly string[] | null {
  try {
    const packets = packetsOf(unarmoured(text) ?? Buffer.alloc(1));
    if (packets?.some(({ tag }) => !OF_KEYS.includes(tag))) return null;
    return (
      packets
        ?.filter(({ tag }) => tag === PUBLIC_KEY)
        .map(({ body }) => {
          const length = Buffer.from([0x99, body.length >> 8, body.length & 255]);
          return createHash('sha1').update(length).update(body).digest('hex').toUpperCase();
        }) ?? null
    );
  } catch {
    return null;
  }
}
