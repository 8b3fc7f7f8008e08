import { createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** The streaming protocol's bytes, as examples/container-images/base/protocol/README.md describes them. */
export const KEY_BYTES = 16;
const IV_BYTES = 16;
const MAC_BYTES = 32;
export const HELLO_BYTES = IV_BYTES + MAC_BYTES;
const LARGEST_FRAME_BYTES = 2 * 1024 * 1024;

export class WireError extends Error {}

/** The peer speaks the protocol with another key. */
export class StrangerError extends WireError {}

function hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  const mac = createHmac('sha256', key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

export function makeHello(key: Uint8Array, iv: Uint8Array = randomBytes(IV_BYTES)): Buffer {
  return Buffer.concat([iv, hmac(key, iv, key)]);
}

export function isHello(key: Uint8Array, hello: Uint8Array): boolean {
  if (hello.length !== HELLO_BYTES) return false;
  const iv = hello.subarray(0, IV_BYTES);
  return timingSafeEqual(hmac(key, iv, key), hello.subarray(IV_BYTES));
}

/**
 * Takes a connection's bytes as they come and gives its hello and frames. Any deviation is an error: nothing is
 * skipped.
 */
export class FrameReader {
  readonly #key: Uint8Array;
  #pending = Buffer.alloc(0);
  #greeted = false;
  #sequence = 0n;

  constructor(key: Uint8Array) {
    this.#key = key;
  }

  get isGreeted(): boolean {
    return this.#greeted;
  }

  /** Payloads that are whole after this chunk. @throws WireError */
  push(chunk: Uint8Array): Buffer[] {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    const payloads: Buffer[] = [];
    if (!this.#greeted) {
      if (this.#pending.length < HELLO_BYTES) return payloads;
      if (!isHello(this.#key, this.#pending.subarray(0, HELLO_BYTES)))
        throw new StrangerError('the peer has not the key');
      this.#pending = this.#pending.subarray(HELLO_BYTES);
      this.#greeted = true;
    }
    for (;;) {
      if (this.#pending.length < 4) return payloads;
      const length = this.#pending.readUInt32BE(0);
      if (length < IV_BYTES + MAC_BYTES || length > LARGEST_FRAME_BYTES)
        throw new WireError(`a frame of ${length} bytes`);
      if (this.#pending.length < 4 + length) return payloads;
      payloads.push(this.#open(this.#pending.subarray(4, 4 + length)));
      this.#pending = this.#pending.subarray(4 + length);
    }
  }

  #open(frame: Buffer): Buffer {
    const iv = frame.subarray(0, IV_BYTES);
    const mac = frame.subarray(IV_BYTES, IV_BYTES + MAC_BYTES);
    const ciphertext = frame.subarray(IV_BYTES + MAC_BYTES);
    if (!timingSafeEqual(hmac(this.#key, iv, ciphertext), mac))
      throw new WireError('a frame that was changed on the way');
    const cipher = createDecipheriv('aes-128-cbc', this.#key, iv);
    const plain = Buffer.concat([cipher.update(ciphertext), cipher.final()]);
    const sequence = plain.readBigUInt64BE(0);
    if (sequence !== this.#sequence) throw new WireError(`frame ${sequence} where ${this.#sequence} was due`);
    this.#sequence += 1n;
    return plain.subarray(8);
  }
}
