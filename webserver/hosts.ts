import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { ControlPort } from '#contracts/webserver.ts';
import { Departures } from './departed.ts';
import { StandingOrders, type StandingStore } from './standing-orders.ts';

/** A token is good for this long after the heartbeat (or handshake) that brought it: three heartbeats. */
export const TOKEN_LIFE_S = 180;

/** What a webserver knows of a host. Of its tokens only hashes are kept. */
export type Host = {
  readonly instanceId: string;
  readonly region: string;
  readonly imageId: string;
  readonly environment: string;
  /** Whoever can sign with it is the host that shook hands before. */
  readonly hostKey: string;
  readonly tokenHash: string;
  /** By the clock on the wall: for people, nothing is decided by it. */
  readonly lastSeenMs: number;
  readonly heartbeats: number;
};

/** Where hosts and orders survive a restart of the webserver. */
export type HostStore = StandingStore & {
  load(): readonly Host[];
  put(host: Host): void;
  remove(instanceId: string): void;
};

export type Admission = Pick<Host, 'instanceId' | 'region' | 'imageId' | 'environment' | 'hostKey'>;

type Control = { readonly address: string; readonly port: ControlPort };

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
function isEqual(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

/**
 * The hosts that were granted and live, and the orders that stand: in memory, and in a store when there is one. The
 * store is written first: what cannot be written did not happen.
 */
export class Hosts {
  readonly orders: StandingOrders;
  readonly departures: Departures;
  readonly #hosts = new Map<string, Host>();
  /**
   * In memory only: the control token is a secret. After a restart of the webserver a host is reached by its next
   * heartbeat.
   */
  readonly #controls = new Map<string, Control>();
  /** When this process last heard of a host, by the clock that nobody sets. */
  readonly #heardMs = new Map<string, number>();
  /** When its token was made, by the same clock. */
  readonly #renewedMs = new Map<string, number>();
  readonly #now: () => number;
  readonly #monotonic: () => number;
  readonly #store: HostStore | null;

  constructor(
    now: () => number = Date.now,
    store: HostStore | null = null,
    monotonic: () => number = () => performance.now(),
  ) {
    this.#now = now;
    this.#monotonic = monotonic;
    this.#store = store;
    this.orders = new StandingOrders(store);
    this.departures = new Departures(monotonic);
    // While the webserver was away nobody could be heard: silence, and the life of tokens, are counted from here.
    for (const host of store?.load() ?? []) {
      this.#hosts.set(host.instanceId, host);
      this.#heardMs.set(host.instanceId, monotonic());
      this.#renewedMs.set(host.instanceId, monotonic());
    }
  }

  /** Whether somebody else has this instance id: a host with another key whose token is still good. */
  isTaken(instanceId: string, hostKey: string): boolean {
    const host = this.#hosts.get(instanceId);
    return host !== undefined && this.isAlive(host) && !isEqual(hashOf(host.hostKey), hashOf(hostKey));
  }

  /** Whether the host's token is still good, by the clock that nobody sets. */
  isAlive({ instanceId }: Host): boolean {
    return !this.#isPast(this.#renewedMs.get(instanceId), TOKEN_LIFE_S);
  }

  /**
   * Hosts that this process has not heard of for so long. A clock that was set, or a webserver that was away, makes
   * nobody silent.
   */
  silentFor(seconds: number): readonly Host[] {
    return this.list().filter(({ instanceId }) => this.#isPast(this.#heardMs.get(instanceId), seconds));
  }

  /** A host that has shown its key is not silent, whatever it is answered. */
  hear(instanceId: string, hostKey: string): void {
    if (this.#hosts.has(instanceId) && this.wasGranted(instanceId, hostKey))
      this.#heardMs.set(instanceId, this.#monotonic());
  }

  get(instanceId: string): Host | null {
    return this.#hosts.get(instanceId) ?? null;
  }

  /** Takes a host in, or back after a restart of its service, and gives it its first token. Orders for it stay. */
  admit(admission: Admission, control: Control | null): string {
    const { instanceId, region, imageId, environment, hostKey } = admission;
    this.orders.change(instanceId, { keyHash: hashOf(hostKey) });
    const token = this.#renew({
      instanceId,
      region,
      imageId,
      environment,
      hostKey,
      tokenHash: '',
      lastSeenMs: 0,
      heartbeats: 0,
    });
    this.departures.remove(instanceId);
    if (control === null) this.#controls.delete(instanceId);
    else this.#controls.set(instanceId, control);
    return token;
  }

  /** Whether nobody, or whoever has this key, was let in last under this instance id. */
  isFirstOrSame(instanceId: string, hostKey: string): boolean {
    const { keyHash } = this.orders.of(instanceId);
    return keyHash === null || isEqual(keyHash, hashOf(hostKey));
  }

  /** Whether this very host, by its key, was granted before. */
  wasGranted(instanceId: string, hostKey: string): boolean {
    return this.orders.of(instanceId).keyHash !== null && this.isFirstOrSame(instanceId, hostKey);
  }

  /** The host that a token belongs to, or null when it is not this host's or has run out. Compares in constant time. */
  recognise(instanceId: string, token: string): Host | null {
    const host = this.#hosts.get(instanceId);
    return host && this.isAlive(host) && isEqual(host.tokenHash, hashOf(token)) ? host : null;
  }

  /** The next token of a host that was recognised. */
  renew(host: Host): string {
    return this.#renew({ ...host, heartbeats: host.heartbeats + 1 });
  }

  controlOf(instanceId: string): Control | null {
    return this.#controls.get(instanceId) ?? null;
  }

  /**
   * The host is no longer there, or (`mayBeThere`) is to be a stranger again: then it may still be told of an order.
   * Orders for it stay, and so does the key that it had.
   */
  forget(instanceId: string, { mayBeThere = false }: { readonly mayBeThere?: boolean } = {}): void {
    this.#store?.remove(instanceId);
    this.#hosts.delete(instanceId);
    if (!mayBeThere) this.#controls.delete(instanceId);
    this.#heardMs.delete(instanceId);
    this.#renewedMs.delete(instanceId);
    this.departures.remove(instanceId);
  }

  list(): readonly Host[] {
    return [...this.#hosts.values()];
  }

  #isPast(sinceMs: number | undefined, seconds: number): boolean {
    return sinceMs === undefined || sinceMs + seconds * 1000 <= this.#monotonic();
  }

  #renew(host: Host): string {
    const token = randomBytes(32).toString('base64url');
    const renewed = { ...host, tokenHash: hashOf(token), lastSeenMs: this.#now() };
    this.#store?.put(renewed);
    this.#hosts.set(host.instanceId, renewed);
    this.#heardMs.set(host.instanceId, this.#monotonic());
    this.#renewedMs.set(host.instanceId, this.#monotonic());
    return token;
  }
}
