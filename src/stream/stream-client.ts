import { createSocket } from 'node:dgram';
import { execa } from 'execa';
import { type Discovered, discover, receive } from './connection.ts';
import { FROM_STREAM, needFfmpeg } from './ffmpeg.ts';
import { isBlack, isDifferent } from './picture.ts';
import { HELLO_BYTES, isHello, KEY_BYTES, makeHello, WireError } from './wire.ts';

/** Without a UDP port there is no ping: what ssh forwards is TCP. */
export type StreamPorts = {
  readonly discoveryTcp: number;
  readonly streamUdp: number | null;
  readonly streamTcp: number;
};

export type StreamReport = {
  /** What the discovery port said. */
  readonly discovered: Discovered;
  /** Whether the UDP port answered a hello with one; false without that port. */
  readonly isPingAnswered: boolean;
  readonly framesDecoded: number;
  readonly blackFrames: number;
  /** Frames that differ from the one before; the first counts. */
  readonly changedFrames: number;
  readonly bytes: number;
  /** From the first connection to the first decoded frame. */
  readonly firstFrameMs: number | null;
  readonly durationMs: number;
};

export type StreamRequest = {
  readonly host: string;
  readonly ports: StreamPorts;
  readonly key: Uint8Array;
  /** Stops after so many decoded frames. */
  readonly frames: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
};

/** Pictures are judged at this size: enough to tell black from a picture and one picture from the next. */
const JUDGED = { width: 160, height: 90 };
/** Gray, one byte a pixel. */
const PICTURE_BYTES = JUDGED.width * JUDGED.height;
const PING_TRIES = 5;
const PING_WAIT_MS = 400;

async function ping({ host, ports, key }: StreamRequest, signal: AbortSignal): Promise<boolean> {
  const { streamUdp } = ports;
  if (streamUdp === null) return false;
  const socket = createSocket('udp4');
  try {
    return await new Promise<boolean>((resolve) => {
      let tries = 0;
      const send = (): void => {
        if (tries >= PING_TRIES || signal.aborted) {
          finish(false);
          return;
        }
        tries += 1;
        socket.send(makeHello(key), streamUdp, host);
      };
      const timer = setInterval(send, PING_WAIT_MS);
      const finish = (answer: boolean): void => {
        clearInterval(timer);
        resolve(answer);
      };
      socket.on('message', (message) => {
        if (message.length === HELLO_BYTES && isHello(key, message)) finish(true);
      });
      socket.on('error', () => finish(false));
      send();
    });
  } finally {
    socket.close();
  }
}

/** Judges the pictures that the decoder gives, one after the other, up to so many. */
class PictureCounter {
  readonly #most: number;
  readonly #startedAt: number;
  #pending = Buffer.alloc(0);
  #previous: Buffer | null = null;
  framesDecoded = 0;
  blackFrames = 0;
  changedFrames = 0;
  firstFrameMs: number | null = null;

  constructor(most: number, startedAt: number) {
    this.#most = most;
    this.#startedAt = startedAt;
  }

  get isFull(): boolean {
    return this.framesDecoded >= this.#most;
  }

  push(chunk: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    while (this.#pending.length >= PICTURE_BYTES && !this.isFull) {
      // A copy: the rest of the chunk need not stay in memory for it.
      this.#judge(Buffer.from(this.#pending.subarray(0, PICTURE_BYTES)));
      this.#pending = this.#pending.subarray(PICTURE_BYTES);
    }
  }

  #judge(picture: Buffer): void {
    this.framesDecoded += 1;
    this.firstFrameMs ??= Math.round(performance.now() - this.#startedAt);
    if (isBlack(picture)) this.blackFrames += 1;
    if (this.#previous === null || isDifferent(this.#previous, picture)) this.changedFrames += 1;
    this.#previous = picture;
  }
}

/** H.264 in, gray pictures of the judged size out. */
function startDecoder(ffmpeg: string) {
  const toGray = ['-vf', `scale=${JUDGED.width}:${JUDGED.height}`, '-fps_mode', 'passthrough', '-pix_fmt', 'gray'];
  const options = [...FROM_STREAM, ...toGray, '-f', 'rawvideo', 'pipe:1'];
  return execa(ffmpeg, options, { stdin: 'pipe', buffer: false, reject: false });
}

/**
 * Receives, decodes and counts until there are enough pictures, the signal fires or the peer ends. @returns the bytes
 * that came
 */
async function watch(request: StreamRequest, pictures: PictureCounter, signal: AbortSignal): Promise<number> {
  const enough = new AbortController();
  const decoder = startDecoder(await needFfmpeg());
  decoder.stdin.on('error', () => enough.abort());
  decoder.stdout.on('data', (chunk: Buffer) => {
    pictures.push(chunk);
    if (pictures.isFull) enough.abort();
  });
  let bytes = 0;
  const decode = (payload: Buffer): void => {
    bytes += payload.length;
    decoder.stdin.write(payload);
  };
  try {
    const { host, ports, key } = request;
    await receive({ host, port: ports.streamTcp, key }, decode, AbortSignal.any([signal, enough.signal]));
    request.signal.throwIfAborted();
  } finally {
    decoder.stdin.end();
    // Pictures that the decoder still holds count, unless enough were seen.
    if (pictures.isFull) decoder.kill('SIGKILL');
    const limit = setTimeout(() => decoder.kill('SIGKILL'), 5000);
    await decoder;
    clearTimeout(limit);
  }
  return bytes;
}

/**
 * What a client does: discovery, ping, stream, decode. Ends after `frames` decoded pictures, at `timeoutMs`, or when
 * the peer ends; what came until then is the report.
 *
 * @throws WireError when the peer has not the key or does not speak the protocol; a network error when a port does not
 *   answer
 */
export async function receiveStream(request: StreamRequest): Promise<StreamReport> {
  if (request.key.length !== KEY_BYTES) throw new WireError(`a key has ${KEY_BYTES} bytes, not ${request.key.length}`);
  const startedAt = performance.now();
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(request.timeoutMs)]);
  const discovered = await discover({ host: request.host, port: request.ports.discoveryTcp, key: request.key }, signal);
  const isPingAnswered = await ping(request, signal);
  const pictures = new PictureCounter(request.frames, startedAt);
  const bytes = await watch(request, pictures, signal);
  const { framesDecoded, blackFrames, changedFrames, firstFrameMs } = pictures;
  return {
    ...{ discovered, isPingAnswered, framesDecoded, blackFrames, changedFrames, bytes, firstFrameMs },
    durationMs: Math.round(performance.now() - startedAt),
  };
}
