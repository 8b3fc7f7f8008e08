import { randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { endianness } from 'node:os';

/**
 * Who may see the page. Whoever can connect to 127.0.0.1 is anybody on this machine, and any web page in a browser
 * here, so the address has a part that cannot be guessed, and a request of another origin is refused even with it.
 */
const TOKEN_BYTES = 24;
const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);

export function newToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url');
}

export function isToken(given: string, token: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(token)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function hostNameOf(host: string): string {
  return host.replace(/:\d+$/, '');
}

/**
 * Pure: null for a request that may be answered, else why not. The port may be another than ours: a person may forward
 * the page to the machine with the browser.
 */
export function refusalOf(headers: IncomingHttpHeaders): string | null {
  const host = headers.host ?? '';
  // A name of the attacker's that leads to 127.0.0.1 (DNS rebinding) would be the same origin for a browser.
  if (!LOOPBACK.has(hostNameOf(host))) return 'this page is at 127.0.0.1 only';
  if (headers.origin !== undefined && headers.origin !== `http://${host}`) return 'a request of another origin';
  const site = headers['sec-fetch-site'];
  const isVisit = headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
  // A person may follow a link to it, but no other page may show it or load of it.
  if (site !== undefined && site !== 'same-origin' && site !== 'none' && !isVisit) return 'a request of another site';
  return null;
}

const IS_LITTLE = endianness() === 'LE';

/** `0100007F:1F90`, as /proc/net/tcp has it. */
function procAddress(address: string, port: number): string {
  const bytes = address
    .replace(/^::ffff:/, '')
    .split('.')
    .map(Number);
  const hex = Buffer.from(IS_LITTLE ? bytes.reverse() : bytes)
    .toString('hex')
    .toUpperCase();
  return `${hex}:${port.toString(16).toUpperCase().padStart(4, '0')}`;
}

/** Pure: the user id in the row whose own end is `local` and whose other end is `remote`. */
export function userInTable(table: string, local: string, remote: string): number | null {
  for (const row of table.split('\n').slice(1)) {
    const [, from = '', to = '', , , , , user] = row.trim().split(/\s+/);
    // An IPv6 socket has twelve bytes of prefix before the same four.
    if (from.endsWith(local) && to.endsWith(remote)) return Number(user);
  }
  return null;
}

/** The user of this machine whose program is at the other end of a connection within it; null when nobody can say. */
export async function userOfPeer({
  remoteAddress,
  remotePort,
  localAddress,
  localPort,
}: Socket): Promise<number | null> {
  const theirs = procAddress(remoteAddress ?? '', remotePort ?? 0);
  const ours = procAddress(localAddress ?? '', localPort ?? 0);
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const user = userInTable(await readFile(file, 'utf8').catch(() => ''), theirs, ours);
    if (user !== null) return user;
  }
  return null;
}

const OPEN_WITHIN_MS = 60_000;

/**
 * Addresses that work once. Whatever opens a browser is a program with the address on its command line, which everybody
 * on this machine can read; the lasting address must not be there.
 */
export class OneTimeCodes {
  readonly #codes = new Map<string, number>();

  issue(): string {
    const code = newToken();
    this.#codes.set(code, performance.now() + OPEN_WITHIN_MS);
    return code;
  }

  /** Whether it was issued and this is its first use, by a program of ours or root's where the system can tell. */
  async redeem(code: string, socket: Socket): Promise<boolean> {
    const until = this.#codes.get(code);
    const user = await userOfPeer(socket);
    const isOurs = user === null || user === 0 || user === process.getuid?.();
    if (until === undefined || !isOurs || !this.#codes.delete(code)) return false;
    return performance.now() < until;
  }
}
