import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

export const NONCE_LIFE_S = 60;

const TIME_BYTES = 6;
const RANDOM_BYTES = 10;
const PLAIN_BYTES = TIME_BYTES + RANDOM_BYTES;

/**
 * Nonces that cost nothing until a host has used one: each carries its time, random bits, and an HMAC over both and the
 * instance id by a key that only this process has. Remembered, until it runs out, is only what a host has used that was
 * verified in full; strangers fill nothing.
 */
export class Nonces {
  readonly #key = randomBytes(32);
  /** Until when each would be good. In the order of their use. */
  readonly #used = new Map<string, number>();
  readonly #monotonic: () => number;

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  issue(instanceId: string): string {
    const plain = Buffer.concat([Buffer.alloc(TIME_BYTES), randomBytes(RANDOM_BYTES)]);
    plain.writeUIntBE(Math.floor(this.#monotonic()), 0, TIME_BYTES);
    return Buffer.concat([plain, this.#macOf(plain, instanceId)]).toString('base64url');
  }

  /** Whether the nonce was made here for this instance less than its life ago, and was not used. */
  isGood(nonce: string, instanceId: string): boolean {
    const bytes = Buffer.from(nonce, 'base64url');
    // The last character of 43 has bits to spare: only one way to write a nonce is taken, or a used one could be
    // written anew.
    if (bytes.toString('base64url') !== nonce || bytes.length !== PLAIN_BYTES * 2) return false;
    const plain = bytes.subarray(0, PLAIN_BYTES);
    if (!timingSafeEqual(bytes.subarray(PLAIN_BYTES), this.#macOf(plain, instanceId))) return false;
    return this.#endOf(bytes) > this.#monotonic() && !this.#used.has(nonce);
  }

  /** After a handshake that was verified in full: the nonce is not good again. */
  spend(nonce: string): void {
    const now = this.#monotonic();
    for (const [old, endMs] of this.#used) {
      // Those behind it were used later, and go a minute later at most.
      if (endMs > now) break;
      this.#used.delete(old);
    }
    this.#used.set(nonce, this.#endOf(Buffer.from(nonce, 'base64url')));
  }

  /** How many are remembered. */
  get remembered(): number {
    return this.#used.size;
  }

  #endOf(bytes: Buffer): number {
    return bytes.readUIntBE(0, TIME_BYTES) + NONCE_LIFE_S * 1000;
  }

  #macOf(plain: Buffer, instanceId: string): Buffer {
    return createHmac('sha256', this.#key).update(plain).update(instanceId).digest().subarray(0, PLAIN_BYTES);
  }
}
