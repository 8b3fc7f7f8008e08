/**
 * What the stand-in agent in a machine and the lab say to each other: a JSON object a line. One connection of the agent
 * is for orders; for each session it makes another one, whose first line names it, and which then is the session's
 * bytes.
 */
export type FromAgent =
  | { readonly kind: 'agent'; readonly hostname: string; readonly platform: Platform }
  | { readonly kind: 'pong' }
  /** The first line of a session's connection; with an error there is nothing after it. */
  | { readonly kind: 'stream'; readonly id: string; readonly error?: string };

export type Platform = { readonly name: string; readonly version: string };

export type ToAgent =
  | { readonly kind: 'ping' }
  | { readonly kind: 'connect'; readonly id: string; readonly port: number }
  | { readonly kind: 'shell'; readonly id: string }
  | { readonly kind: 'resize'; readonly id: string; readonly columns: number; readonly rows: number };

/** The agent that the stand-in is like: it knows handshakes, several connections over a forwarded port, and flags. */
export const AGENT_VERSION = '3.3.2299.0';

const LONGEST_LINE = 4096;

export class LineReader {
  #rest: Buffer = Buffer.alloc(0);

  /** @returns whole lines; @throws Error for one that does not end */
  push(bytes: Buffer): string[] {
    const all = Buffer.concat([this.#rest, bytes]);
    const end = all.lastIndexOf(0x0a);
    this.#rest = all.subarray(end + 1);
    if (this.#rest.length > LONGEST_LINE) throw new Error('a line without an end');
    return end < 0 ? [] : all.toString('utf8', 0, end).split('\n');
  }
}
