/**
 * A server of the streaming protocol, written from examples/container-images/base/protocol/README.md alone, so that no
 * mistake is shared.
 */
import { createCipheriv, createHmac, randomBytes } from 'node:crypto';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { findFfmpeg } from '../../src/stream/ffmpeg.ts';

export function hello(key: Uint8Array): Buffer {
  const iv = randomBytes(16);
  return Buffer.concat([iv, createHmac('sha256', key).update(iv).update(key).digest()]);
}

export function frame(key: Uint8Array, sequence: bigint, payload: string | Uint8Array): Buffer {
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-128-cbc', key, iv);
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(sequence);
  const ciphertext = Buffer.concat([cipher.update(number), cipher.update(Buffer.from(payload)), cipher.final()]);
  const mac = createHmac('sha256', key).update(iv).update(ciphertext).digest();
  const length = Buffer.alloc(4);
  length.writeUInt32BE(iv.length + mac.length + ciphertext.length);
  return Buffer.concat([length, iv, mac, ciphertext]);
}

const SIZE = { width: 320, height: 180, fps: 30 };
const DELIMITER = Buffer.from([0, 0, 0, 1, 9]);

/** Two seconds of a moving test pattern as access units; `source` is a filter of ffmpeg's. Null without an encoder. */
export async function encodeUnits(
  source = `testsrc2=size=${SIZE.width}x${SIZE.height}:rate=30`,
): Promise<Buffer[] | null> {
  const ffmpeg = await findFfmpeg();
  if (ffmpeg === null) return null;
  // biome-ignore format: one option a line says less.
  const options = [
    '-hide_banner', '-loglevel', 'error', '-f', 'lavfi', '-i', source, '-t', '2', '-pix_fmt', 'yuv420p',
    '-c:v', 'libx264', '-preset', 'ultrafast',
    '-tune', 'zerolatency', '-x264-params', 'keyint=30:aud=1:repeat-headers=1', '-f', 'h264', 'pipe:1',
  ];
  const { stdout, exitCode } = await execa(ffmpeg, options, { encoding: 'buffer', reject: false });
  if (exitCode !== 0) return null;
  const bytes = Buffer.from(stdout);
  const starts: number[] = [];
  for (let at = bytes.indexOf(DELIMITER); at !== -1; at = bytes.indexOf(DELIMITER, at + 1)) starts.push(at);
  return starts.map((start, index) => bytes.subarray(start, starts[index + 1] ?? bytes.length));
}

export type StreamPeer = AsyncDisposable & {
  readonly ports: { readonly discoveryTcp: number; readonly streamTcp: number };
  /** Connections on both ports that brought a hello, and those that ended without one. */
  readonly seen: { greeted: number; rude: number };
  /** Ends every connection; new ones are taken. */
  drop(): void;
  /** Says nothing more on the connections that are open, as a host that was switched off. */
  freeze(): void;
};

type Behaviour = { readonly key: Uint8Array; readonly units: readonly Buffer[] };

async function listen(port: number, onSocket: (socket: Socket) => void): Promise<Server> {
  const server = createServer(onSocket);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return server;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

export async function startPeer(
  { key, units }: Behaviour,
  at: StreamPeer['ports'] = { discoveryTcp: 0, streamTcp: 0 },
): Promise<StreamPeer> {
  const open = new Set<Socket>();
  const frozen = new WeakSet<Socket>();
  const seen = { greeted: 0, rude: 0 };
  const greet = (serve: (socket: Socket) => void) => (socket: Socket) => {
    open.add(socket);
    let isGreeted = false;
    socket.on('error', () => undefined);
    socket.on('close', () => {
      open.delete(socket);
      if (!isGreeted) seen.rude += 1;
    });
    socket.once('data', () => {
      isGreeted = true;
      seen.greeted += 1;
      serve(socket);
    });
    socket.write(hello(key));
  };
  const discovery = await listen(
    at.discoveryTcp,
    greet((socket) => socket.end(frame(key, 0n, JSON.stringify({ version: 1, codec: 'h264', ...SIZE })))),
  );
  const stream = async (socket: Socket): Promise<void> => {
    const startedAt = performance.now();
    for (let index = 0; !socket.destroyed && !frozen.has(socket); index += 1) {
      socket.write(frame(key, BigInt(index), units[index % units.length] ?? Buffer.alloc(0)));
      await sleep(Math.max(0, startedAt + ((index + 1) * 1000) / SIZE.fps - performance.now()));
    }
  };
  const video = await listen(
    at.streamTcp,
    greet((socket) => void stream(socket)),
  );
  const drop = (): void => {
    for (const socket of open) socket.destroy();
  };
  return {
    ports: { discoveryTcp: portOf(discovery), streamTcp: portOf(video) },
    seen,
    drop,
    freeze: () => {
      for (const socket of open) frozen.add(socket);
    },
    [Symbol.asyncDispose]: async () => {
      drop();
      await Promise.all([discovery, video].map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}
