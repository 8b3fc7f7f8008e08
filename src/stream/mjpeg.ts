import type { ServerResponse } from 'node:http';
import { execa } from 'execa';
import { FROM_STREAM, findFfmpeg } from './ffmpeg.ts';
import { type LiveStream, Patience } from './live.ts';

/** ffmpeg's own name for the line between two pictures. */
const BOUNDARY = 'ffmpeg';
/** Each viewer has an ffmpeg. */
const MOST_VIEWERS = 4;
const MOST_WAITING = 1024 * 1024;

/** The stream as JPEG pictures, each in the place of the one before: what every browser shows in an `img`. */
export class Mjpeg {
  readonly #stream: LiveStream;
  readonly #signal: AbortSignal;
  #viewers = 0;

  /** @param signal ends all of them */
  constructor(stream: LiveStream, signal: AbortSignal) {
    this.#stream = stream;
    this.#signal = signal;
  }

  /** Answers with pictures until the viewer goes or the signal fires. */
  async serve(response: ServerResponse): Promise<void> {
    const ffmpeg = await findFfmpeg();
    if (ffmpeg === null || this.#viewers >= MOST_VIEWERS) {
      response.writeHead(503).end(ffmpeg === null ? 'no ffmpeg here' : 'too many viewers');
      return;
    }
    this.#viewers += 1;
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    response.writeHead(200, { 'content-type': `multipart/x-mixed-replace;boundary=${BOUNDARY}` });
    const toPictures = ['-fps_mode', 'passthrough', '-q:v', '4', '-f', 'mpjpeg', '-flush_packets', '1', 'pipe:1'];
    const encoder = execa(ffmpeg, ['-threads', '1', ...FROM_STREAM, ...toPictures], {
      ...{ stdin: 'pipe', buffer: false, reject: false },
      ...{ cancelSignal: AbortSignal.any([gone.signal, this.#signal]), killSignal: 'SIGKILL' },
    });
    encoder.stdin.on('error', () => undefined);
    encoder.stdout.pipe(response);
    const patience = new Patience(MOST_WAITING);
    const leave = this.#stream.join({
      onUnit: (unit) => {
        if (patience.takes(unit, encoder.stdin.writableLength)) encoder.stdin.write(unit.data);
      },
      onStatus: () => undefined,
    });
    await encoder;
    leave();
    this.#viewers -= 1;
    response.end();
  }
}
