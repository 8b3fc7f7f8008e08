import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { ControlPort } from '#contracts/webserver.ts';

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
  readonly lastSeenMs: number;
  readonly heartbeats: number;
  readonly wanted: 'serve' | 'drain';
  /** Why the host is no longer trusted, or null. */
  readonly revoked: string | null;
};

/** Where hosts survive a restart of the webserver. */
export type HostStore = {
  load(): readonly Host[];
  put(host: Host): void;
  remove(instanceId: string): void;
};

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');
const isEqual = (a: string, b: string): boolean => timingSafeEqual(Buffer.from(a), Buffer.from(b));

export type Admission = Pick<Host, 'instanceId' | 'region' | 'imageId' | 'environment' | 'hostKey'>;

/** The hosts that were granted and live: in memory, and in a store when there is one. */
export class Hosts {
  readonly #hosts = new Map<string, Host>();
  /** In memory only: the control token is a secret. After a restart of the webserver a host is reached by its next heartbeat. */
  readonly #controls = new Map<string, { readonly address: string; readonly port: ControlPort }>();
  /** When this process last heard of a host, by the clock that nobody sets. */
  readonly #heardMs = new Map<string, number>();
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
    // While the webserver was away nobody could be heard: silence is counted from here.
    for (const host of store?.load() ?? []) {
      this.#hosts.set(host.instanceId, host);
      this.#heardMs.set(host.instanceId, monotonic());
    }
  }

  /** Whether somebody else has this instance id: a host with another key whose token is still good. */
  isTaken(instanceId: string, hostKey: string): boolean {
    const host = this.#hosts.get(instanceId);
    return host !== undefined && this.isAlive(host) && !isEqual(hashOf(host.hostKey), hashOf(hostKey));
  }

  isAlive(host: Host): boolean {
    return host.lastSeenMs + TOKEN_LIFE_S * 1000 > this.#now();
  }

  /** Hosts that this process has not heard of for so long. A clock that was set, or a webserver that was away, makes nobody silent. */
  silentFor(seconds: number): readonly Host[] {
    const heardBeforeMs = this.#monotonic() - seconds * 1000;
    return this.list().filter(({ instanceId }) => (this.#heardMs.get(instanceId) ?? 0) <= heardBeforeMs);
  }

  get(instanceId: string): Host | null {
    return this.#hosts.get(instanceId) ?? null;
  }

  /** Takes a host in, or back after a restart of its service, and gives it its first token. */
  admit(admission: Admission, control: { readonly address: string; readonly port: ControlPort } | null): string {
    if (control === null) this.#controls.delete(admission.instanceId);
    else this.#controls.set(admission.instanceId, control);
    return this.#renew({ ...admission, tokenHash: '', lastSeenMs: 0, heartbeats: 0, wanted: 'serve', revoked: null });
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

  change(instanceId: string, change: Partial<Pick<Host, 'wanted' | 'revoked'>>): boolean {
    const host = this.#hosts.get(instanceId);
    if (!host) return false;
    this.#put({ ...host, ...change });
    return true;
  }

  controlOf(instanceId: string): { readonly address: string; readonly port: ControlPort } | null {
    return this.#controls.get(instanceId) ?? null;
  }

  forget(instanceId: string): void {
    this.#hosts.delete(instanceId);
    this.#controls.delete(instanceId);
    this.#heardMs.delete(instanceId);
    this.#store?.remove(instanceId);
  }

  list(): readonly Host[] {
    return [...this.#hosts.values()];
  }

  #renew(host: Host): string {
    const token = randomBytes(32).toString('base64url');
    this.#heardMs.set(host.instanceId, this.#monotonic());
    this.#put({ ...host, tokenHash: hashOf(token), lastSeenMs: this.#now() });
    return token;
  }

  #put(host: Host): void {
    this.#hosts.set(host.instanceId, host);
    this.#store?.put(host);
  }
}
