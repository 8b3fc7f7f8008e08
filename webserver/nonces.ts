import { randomBytes } from 'node:crypto';

export const NONCE_LIFE_S = 60;
/** Open at a time; a flood of questions must not fill the memory. */
const MOST_OPEN = 10_000;

/** Nonces that were given out and not used: each is good once, for one instance, for a minute. */
export class Nonces {
  readonly #open = new Map<string, { readonly instanceId: string; readonly expiresAtMs: number }>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** A new nonce, or null when too many are open. */
  issue(instanceId: string): string | null {
    if (this.#open.size >= MOST_OPEN) this.#forgetExpired();
    if (this.#open.size >= MOST_OPEN) return null;
    const nonce = randomBytes(32).toString('base64url');
    this.#open.set(nonce, { instanceId, expiresAtMs: this.#now() + NONCE_LIFE_S * 1000 });
    return nonce;
  }

  /** Whether the nonce is good for this instance; whatever it was, it is not good again. */
  use(nonce: string, instanceId: string): boolean {
    const found = this.#open.get(nonce);
    this.#open.delete(nonce);
    return found !== undefined && found.instanceId === instanceId && found.expiresAtMs > this.#now();
  }

  #forgetExpired(): void {
    for (const [nonce, { expiresAtMs }] of this.#open) if (expiresAtMs <= this.#now()) this.#open.delete(nonce);
  }
}
