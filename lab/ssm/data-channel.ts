import { randomUUID } from 'node:crypto';
import { reasonOf } from '../reason.ts';
import { decodeMessage, encodeMessage, type Message, PAYLOAD } from './message.ts';

const RESEND_INTERVAL_MS = 100;
const FIRST_TIMEOUT_MS = 200;
const LONGEST_TIMEOUT_MS = 1000;
const CLOCK_MS = 10;
/** A payload is at most as long as the agent's. */
const PAYLOAD_BYTES = 1024;
/** As many messages may be on their way before who sends has to wait. */
const FULL = 1000;
const LONGEST_REORDERING = 10_000;

type Sent = { readonly sequence: number; readonly bytes: Buffer; sentAt: number; resent: boolean };

export type DataChannelParts = {
  /** Every payload once, in order. */
  readonly onPayload: (type: number, payload: Buffer) => void;
  /** There is room again after `send` said that there is none. */
  readonly onRoom: () => void;
  readonly log: (line: string) => void;
};

/**
 * The agent's end of a data channel: numbered messages, each acknowledged, sent again until it is, and taken in order.
 * It outlives the connection that carries it: a client that resumes goes on where it was.
 */
export class DataChannel {
  readonly #parts: DataChannelParts;
  readonly #unacknowledged = new Map<number, Sent>();
  readonly #early = new Map<number, Message>();
  readonly #timer: NodeJS.Timeout;
  #transmit: ((bytes: Buffer) => void) | null = null;
  #nextToSend = 0;
  #nextToTake = 0;
  #roundTripMs = 100;
  #variationMs = 0;
  #timeoutMs = FIRST_TIMEOUT_MS;
  #isFull = false;
  #onAcknowledged: (() => void) | null = null;

  constructor(parts: DataChannelParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => this.#resendOldest(), RESEND_INTERVAL_MS).unref();
  }

  /** A connection is there; what was sent meanwhile goes out. */
  attach(transmit: (bytes: Buffer) => void): void {
    this.#transmit = transmit;
    for (const sent of this.#unacknowledged.values()) this.#put(sent);
  }

  detach(): void {
    this.#transmit = null;
  }

  /** @returns false when the client is far behind: wait for `onRoom` */
  send(type: number, payload: Buffer): boolean {
    for (let at = 0; at < payload.length; at += PAYLOAD_BYTES)
      this.#sendOne(type, payload.subarray(at, at + PAYLOAD_BYTES));
    this.#isFull ||= this.#unacknowledged.size >= FULL;
    return !this.#isFull;
  }

  /** Once all that was sent has arrived; at once when there is nothing under way. */
  whenAcknowledged(then: () => void): void {
    this.#onAcknowledged = then;
    this.#lookWhetherDone();
  }

  /** Tells the client that the session is over; without a number, as the service says it and not the agent. */
  sayClosed(sessionId: string, target: string, output: string): void {
    const id = randomUUID();
    const createdAt = Date.now();
    const payload = Buffer.from(
      JSON.stringify({
        MessageId: id,
        CreatedDate: new Date(createdAt).toISOString(),
        DestinationId: target,
        SessionId: sessionId,
        MessageType: 'channel_closed',
        SchemaVersion: 1,
        Output: output,
      }),
    );
    const header = { type: 'channel_closed', createdAt, sequence: 0, flags: 0, id, payloadType: PAYLOAD.none };
    this.#transmit?.(encodeMessage({ ...header, payload }));
  }

  /** What the client sent; what is no message is dropped, and then sent again. */
  receive(bytes: Buffer): void {
    try {
      const message = decodeMessage(bytes);
      if (message.type === 'acknowledge') this.#takeAcknowledgement(message);
      else if (message.type === 'input_stream_data') this.#takeInput(message);
    } catch (error) {
      this.#parts.log(`a message was not understood: ${reasonOf(error)}`);
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#transmit = null;
    this.#unacknowledged.clear();
    this.#early.clear();
  }

  #sendOne(payloadType: number, payload: Buffer): void {
    const sequence = this.#nextToSend;
    this.#nextToSend += 1;
    const bytes = encodeMessage({
      type: 'output_stream_data',
      createdAt: Date.now(),
      sequence,
      // SYN on the first one.
      flags: sequence === 0 ? 1 : 0,
      id: randomUUID(),
      payloadType,
      payload,
    });
    const sent = { sequence, bytes, sentAt: 0, resent: false };
    this.#unacknowledged.set(sequence, sent);
    this.#put(sent);
  }

  #put(sent: Sent): void {
    sent.sentAt = Date.now();
    this.#transmit?.(sent.bytes);
  }

  #resendOldest(): void {
    const [oldest] = this.#unacknowledged.values();
    if (oldest === undefined || this.#transmit === null || Date.now() - oldest.sentAt <= this.#timeoutMs) return;
    oldest.resent = true;
    this.#put(oldest);
  }

  #takeAcknowledgement({ payload }: Message): void {
    const { AcknowledgedMessageSequenceNumber: sequence } = JSON.parse(payload.toString('utf8')) as {
      AcknowledgedMessageSequenceNumber: number;
    };
    const sent = this.#unacknowledged.get(sequence);
    if (sent === undefined) return;
    this.#unacknowledged.delete(sequence);
    // Of one that was sent twice nobody knows which of them this answers.
    if (!sent.resent) this.#measure(Date.now() - sent.sentAt);
    this.#lookWhetherDone();
    if (!this.#isFull || this.#unacknowledged.size > FULL / 2) return;
    this.#isFull = false;
    this.#parts.onRoom();
  }

  #lookWhetherDone(): void {
    if (this.#unacknowledged.size > 0) return;
    const then = this.#onAcknowledged;
    this.#onAcknowledged = null;
    then?.();
  }

  #measure(roundTripMs: number): void {
    this.#variationMs += (Math.abs(this.#roundTripMs - roundTripMs) - this.#variationMs) / 4;
    this.#roundTripMs += (roundTripMs - this.#roundTripMs) / 8;
    this.#timeoutMs = Math.min(this.#roundTripMs + Math.max(CLOCK_MS, 4 * this.#variationMs), LONGEST_TIMEOUT_MS);
  }

  #takeInput(message: Message): void {
    if (message.sequence > this.#nextToTake) {
      // Not acknowledged when there is no room for it: the client sends it again.
      if (this.#early.size >= LONGEST_REORDERING) return;
      this.#early.set(message.sequence, message);
    }
    this.#acknowledge(message);
    if (message.sequence !== this.#nextToTake) return;
    for (let next: Message | undefined = message; next !== undefined; next = this.#early.get(this.#nextToTake)) {
      this.#early.delete(this.#nextToTake);
      this.#nextToTake += 1;
      this.#parts.onPayload(next.payloadType, next.payload);
    }
  }

  #acknowledge({ type, id, sequence }: Message): void {
    const payload = Buffer.from(
      JSON.stringify({
        AcknowledgedMessageType: type,
        AcknowledgedMessageId: id,
        AcknowledgedMessageSequenceNumber: sequence,
        IsSequentialMessage: true,
      }),
    );
    const header = { createdAt: Date.now(), sequence: 0, flags: 3, id: randomUUID(), payloadType: PAYLOAD.none };
    this.#transmit?.(encodeMessage({ type: 'acknowledge', ...header, payload }));
  }
}
