import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline, Readable, Transform } from 'node:stream';
import type { MirrorAnswer } from '../mirror/cache.ts';

/** What a host of the door has at a path. */
export type Served =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'stream'; readonly size: number | null; readonly body: () => Promise<Readable> }
  | { readonly kind: 'refused'; readonly status: 404 | 502; readonly reason: string };

export function text(content: string): Served {
  return { kind: 'bytes', bytes: Buffer.from(content) };
}

export function file(path: string): Served {
  return { kind: 'file', file: path };
}

export function missing(reason: string): Served {
  return { kind: 'refused', status: 404, reason };
}

export function fromMirror(answer: MirrorAnswer): Served {
  if (answer.status !== 200) return { kind: 'refused', status: answer.status, reason: answer.reason };
  return { kind: 'stream', size: answer.size, body: answer.body };
}

/** The same content but for its first byte: as long, and of another hash. */
export function damaged(served: Served): Served {
  if (served.kind === 'refused') return served;
  return {
    kind: 'stream',
    size: served.kind === 'bytes' ? served.bytes.length : served.kind === 'stream' ? served.size : null,
    body: async () => {
      let isFirst = true;
      const flip = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          const bytes = isFirst ? Buffer.from(chunk) : chunk;
          if (isFirst) bytes.writeUInt8(bytes.readUInt8(0) ^ 0xff, 0);
          isFirst = false;
          done(null, bytes);
        },
      });
      return pipeline(await bodyOf(served), flip, () => {});
    },
  };
}

type Content = Exclude<Served, { readonly kind: 'refused' }>;

async function bodyOf(served: Content): Promise<Readable> {
  if (served.kind === 'stream') return served.body();
  if (served.kind === 'file') return createReadStream(served.file);
  return Readable.from([served.bytes]);
}

async function sizeOf(served: Content): Promise<number | null> {
  if (served.kind === 'bytes') return served.bytes.length;
  return served.kind === 'stream' ? served.size : (await stat(served.file)).size;
}

export async function writeServed(served: Served, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  if (served.kind === 'refused') {
    outgoing.writeHead(served.status, { 'content-type': 'text/plain' });
    outgoing.end(`${served.reason}\n`);
    return;
  }
  const size = await sizeOf(served);
  outgoing.writeHead(200, {
    'content-type': 'application/octet-stream',
    ...(size === null ? {} : { 'content-length': size }),
  });
  if (incoming.method === 'HEAD') return void outgoing.end();
  const body = await bodyOf(served);
  // A machine that was killed has left before its answer began.
  if (outgoing.destroyed) body.destroy();
  else pipeline(body, outgoing, () => {});
}
