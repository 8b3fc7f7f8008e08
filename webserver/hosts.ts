import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** A token is good for this long after the heartbeat (or handshake) that brought it. */
export const TOKEN_LIFE_S = 180;

type Host = { tokenHash: Buffer; expiresAtMs: number; heartbeats: number };

const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest();

/** The hosts that were granted and live, in memory. Only hashes of tokens are kept. */
export class Hosts {
  readonly #hosts = new Map<string, Host>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Whether an instance id is taken by a host whose heartbeats go on; then nobody else may use it. */
  isKnown(instanceId: string): boolean {
    const host = this.#hosts.get(instanceId);
    return host !== undefined && host.expiresAtMs > this.#now();
  }

  /** Takes a host in and gives it its first token. */
  admit(instanceId: string): string {
    return this.#renew(instanceId, 0);
  }

  /** The next token, or null when the one shown is not this host's or has run out. Compares in constant time. */
  heartbeat(instanceId: string, token: string): string | null {
    const host = this.#hosts.get(instanceId);
    if (!host || host.expiresAtMs <= this.#now() || !timingSafeEqual(host.tokenHash, hashOf(token))) return null;
    return this.#renew(instanceId, host.heartbeats + 1);
  }

  forget(instanceId: string): void {
    this.#hosts.delete(instanceId);
  }

  list(): readonly { readonly instanceId: string; readonly heartbeats: number }[] {
    return [...this.#hosts].map(([instanceId, { heartbeats }]) => ({ instanceId, heartbeats }));
  }

  #renew(instanceId: string, heartbeats: number): string {
    const token = randomBytes(32).toString('base64url');
    this.#hosts.set(instanceId, {
      tokenHash: hashOf(token),
      expiresAtMs: this.#now() + TOKEN_LIFE_S * 1000,
      heartbeats,
    });
    return token;
  }
}
