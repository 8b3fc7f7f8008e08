import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '#contracts/reason.ts';
import { codecOf, isKeyUnit } from './access-unit.ts';
import { type Discovered, discover, receive } from './connection.ts';
import { StrangerError } from './wire.ts';

export type LiveSource = {
  readonly host: string;
  readonly ports: { readonly discoveryTcp: number; readonly streamTcp: number };
  readonly key: Uint8Array;
};

export type LiveStatus = {
  /** `connecting` until the first picture, then `live`; `lost` from when it ends until it is back. */
  readonly state: 'connecting' | 'live' | 'lost';
  /** What went wrong last, while it is not live. */
  readonly reason: string | null;
  readonly picture: Discovered | null;
  /** `avc1.42c01e`, once known. */
  readonly codec: string | null;
  /** Access units that came within the last second. */
  readonly framesPerSecond: number;
};

/** One H.264 access unit in Annex B. */
export type AccessUnit = { readonly data: Uint8Array; readonly isKey: boolean };

export type Viewer = {
  readonly onUnit: (unit: AccessUnit) => void;
  readonly onStatus: (status: LiveStatus) => void;
};

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 4000;
/** A stream of 30 frames a second is never silent for so long; a host that was switched off says nothing at all. */
const SILENCE_MS = 5000;
const TICK_MS = 1000;
/** What is kept for a viewer who comes later: a stream that never begins anew must not fill the memory. */
const MOST_KEPT_UNITS = 600;

/**
 * A stream that is followed until it is stopped, for any number of viewers. When the peer ends it, is restarted or
 * falls silent, it is looked for again, at most 4 s apart.
 */
export class LiveStream {
  readonly #source: LiveSource;
  readonly #viewers = new Set<Viewer>();
  /** Since the last unit that a decoder can begin with. */
  #kept: AccessUnit[] = [];
  #arrivals: number[] = [];
  #status: LiveStatus = { state: 'connecting', reason: null, picture: null, codec: null, framesPerSecond: 0 };

  constructor(source: LiveSource) {
    this.#source = source;
  }

  get status(): LiveStatus {
    return this.#status;
  }

  /** Tells the status, and gives what a decoder needs to show the present picture. @returns how to leave */
  join(viewer: Viewer): () => void {
    viewer.onStatus(this.#status);
    for (const unit of this.#kept) viewer.onUnit(unit);
    this.#viewers.add(viewer);
    return () => this.#viewers.delete(viewer);
  }

  /** What it is like, once there was a picture. @throws the signal's reason */
  async firstPicture(signal: AbortSignal): Promise<Discovered> {
    const { promise, resolve, reject } = Promise.withResolvers<Discovered>();
    const onStop = (): void => reject(signal.reason);
    signal.throwIfAborted();
    signal.addEventListener('abort', onStop, { once: true });
    const onStatus = ({ picture }: LiveStatus): void => {
      if (picture !== null) resolve(picture);
    };
    const leave = this.join({ onStatus, onUnit: () => undefined });
    try {
      return await promise;
    } finally {
      leave();
      signal.removeEventListener('abort', onStop);
    }
  }

  /**
   * Follows the stream until the signal fires.
   *
   * @throws WireError when the peer has another key: somebody else's stream, which trying again does not change
   */
  async run(signal: AbortSignal): Promise<void> {
    const ticks = setInterval(() => this.#tell({}), TICK_MS);
    let pauseMs = FIRST_PAUSE_MS;
    try {
      while (!signal.aborted) {
        const hadPictures = await this.#once(signal);
        if (hadPictures) pauseMs = FIRST_PAUSE_MS;
        await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
        pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      }
    } finally {
      clearInterval(ticks);
    }
  }

  /** One connection from beginning to end. @returns whether a picture came */
  async #once(signal: AbortSignal): Promise<boolean> {
    const { host, ports, key } = this.#source;
    let hadPictures = false;
    let reason = 'the peer ended it';
    try {
      const picture = await discover({ host, port: ports.discoveryTcp, key }, signal, SILENCE_MS);
      const take = (data: Uint8Array): void => {
        if (!hadPictures) this.#begin(picture);
        hadPictures = true;
        this.#take(data);
      };
      await receive({ host, port: ports.streamTcp, key }, take, signal, SILENCE_MS);
    } catch (error) {
      if (error instanceof StrangerError) throw error;
      reason = reasonOf(error);
    }
    if (!signal.aborted) this.#lose(reason);
    return hadPictures;
  }

  #begin(picture: Discovered): void {
    this.#kept = [];
    this.#tell({ state: 'live', reason: null, picture });
  }

  #lose(reason: string): void {
    this.#arrivals = [];
    this.#kept = [];
    this.#tell({ state: this.#status.state === 'connecting' ? 'connecting' : 'lost', reason });
  }

  #take(data: Uint8Array): void {
    const unit = { data, isKey: isKeyUnit(data) };
    if (unit.isKey) {
      this.#kept = [];
      const codec = codecOf(data);
      if (codec !== null && codec !== this.#status.codec) this.#tell({ codec });
    }
    if (unit.isKey || this.#kept.length > 0) this.#kept.push(unit);
    if (this.#kept.length > MOST_KEPT_UNITS) this.#kept = [];
    this.#arrivals.push(performance.now());
    for (const viewer of this.#viewers) viewer.onUnit(unit);
  }

  #tell(change: Partial<LiveStatus>): void {
    const now = performance.now();
    this.#arrivals = this.#arrivals.filter((at) => now - at <= TICK_MS);
    this.#status = { ...this.#status, ...change, framesPerSecond: this.#arrivals.length };
    for (const viewer of this.#viewers) viewer.onStatus(this.#status);
  }
}

/**
 * Whether a viewer who takes units slower than they come may have this one. One that has fallen behind misses all until
 * the next with which a decoder can begin: a gap before that would show as grey smear.
 */
export class Patience {
  readonly #mostWaiting: number;
  #isBehind = true;

  /** @param mostWaiting bytes that may wait for the viewer */
  constructor(mostWaiting: number) {
    this.#mostWaiting = mostWaiting;
  }

  takes({ isKey }: AccessUnit, waitingBytes: number): boolean {
    const hasRoom = waitingBytes <= this.#mostWaiting;
    if (!hasRoom) this.#isBehind = true;
    else if (isKey) this.#isBehind = false;
    return !this.#isBehind;
  }
}
