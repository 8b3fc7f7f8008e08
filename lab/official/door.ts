import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { MirrorCache } from '../mirror/cache.ts';
import { createMirrorListener } from '../mirror/listener.ts';
import { isNamed } from '../net/names.ts';
import { samePeer } from '../net/peer-socket.ts';
import { reasonOf } from '../reason.ts';
import type { Authority } from './authority.ts';
import { serverNameIn } from './client-hello.ts';
import { hostNamed } from './names.ts';
import type { Official } from './official.ts';
import { writeServed } from './served.ts';

/** What machines find at the service address under the names of official hosts. */
export type Door = {
  /** Takes a connection to port 443. */
  readonly onConnection: (socket: Socket) => void;
  /** Takes a request to port 80 when its Host is an official one that is reached so. @returns whether it did */
  readonly onRequest: (incoming: IncomingMessage, outgoing: ServerResponse) => boolean;
  close(): void;
};

/** The host of a request, without a port. */
export function hostOf({ headers }: IncomingMessage): string {
  return (headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
}

/** Null of what is no path. */
function pathOf(url: string): string | null {
  try {
    const path = decodeURIComponent(url.split('?')[0] ?? '');
    return path.split('/').includes('..') ? null : path;
  } catch {
    return null;
  }
}

/** Answers with what the lab has. @param host of the request; null is that of its head */
export function answerOfficial(
  official: Official,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  host = hostOf(incoming),
): void {
  const path = pathOf(incoming.url ?? '/');
  if (path === null || (incoming.method !== 'GET' && incoming.method !== 'HEAD')) {
    outgoing.writeHead(path === null ? 400 : 405).end();
    return;
  }
  official
    .answer(host, path)
    .then((served) => writeServed(served, incoming, outgoing))
    .catch(() => outgoing.destroy());
}

/** A service of the lab that machines know by an official name, and reach over TLS. */
export type Guest = {
  /** `*` is one label. */
  readonly names: readonly string[];
  /** Need not listen. */
  readonly http: Server;
};

type StandIn = {
  readonly official: Official;
  readonly authority: Authority;
  readonly guests: readonly Guest[];
  readonly log: (line: string) => void;
};

/** The door behind which the lab itself stands in for official hosts. */
export function standInDoor({ official, authority, guests, log }: StandIn): Door {
  const isOver = (name: string, over: 'https' | 'http'): boolean => hostNamed(official.hosts, name)?.over === over;
  const guestNamed = (name: string): Guest | undefined =>
    guests.find(({ names }) => names.some((pattern) => isNamed(name.toLowerCase(), pattern)));
  const own = createServer((incoming, outgoing) => answerOfficial(official, incoming, outgoing));
  const open = new Set<Socket>();
  const onConnection = (socket: Socket): void => {
    let asked = '';
    const secured = new TLSSocket(socket, {
      isServer: true,
      SNICallback: (name, done) => {
        asked = name;
        if (isOver(name, 'https') || guestNamed(name) !== undefined)
          authority.context(name.toLowerCase()).then((context) => done(null, context), done);
        else done(new Error(`no official host ${name}`));
      },
    });
    samePeer(secured, socket);
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    secured.on('error', (error) => {
      log(`official: a TLS connection failed: ${error.message}`);
      socket.destroy();
    });
    secured.on('secure', () => (guestNamed(asked)?.http ?? own).emit('connection', secured));
  };
  return {
    onConnection,
    onRequest: (incoming, outgoing) => {
      if (!isOver(hostOf(incoming), 'http')) return false;
      answerOfficial(official, incoming, outgoing);
      return true;
    },
    close: () => {
      for (const socket of open) socket.destroy();
    },
  };
}

/** The alert by which a server says that it is not the one of that name (RFC 6066, 3), before any key is agreed. */
const UNRECOGNIZED_NAME = Buffer.from([21, 3, 1, 0, 2, 2, 112]);
const GREETING_BYTES = 16 * 1024;
const GREETING_MS = 10_000;

type PassOptions = {
  readonly isLetOut: (name: string) => boolean;
  readonly out: (name: string) => Promise<Socket>;
  readonly log: (line: string) => void;
};

function join(caller: Socket, outer: Socket, greeting: Buffer): void {
  const end = (): void => {
    caller.destroy();
    outer.destroy();
  };
  caller.on('error', end);
  outer.on('error', end);
  caller.on('close', end);
  outer.on('close', end);
  outer.write(greeting);
  caller.pipe(outer);
  outer.pipe(caller);
}

/** Passes a TLS connection on to the host that it names, byte for byte; refuses every other name. */
export function passThrough(caller: Socket, { isLetOut, out, log }: PassOptions): void {
  let seen = Buffer.alloc(0);
  caller.setTimeout(GREETING_MS, () => caller.destroy());
  caller.on('error', () => caller.destroy());
  const refuse = (why: string): void => {
    log(`official: ${why}`);
    caller.end(UNRECOGNIZED_NAME);
    caller.resume();
  };
  const onData = (chunk: Buffer): void => {
    seen = Buffer.concat([seen, chunk]);
    const greeting = serverNameIn(seen);
    if (greeting === 'more' && seen.length <= GREETING_BYTES) return;
    caller.off('data', onData);
    caller.pause();
    caller.setTimeout(0);
    caller.removeAllListeners('timeout');
    const name = greeting === 'more' ? null : greeting.name;
    if (name === null) refuse('a connection that names no host is not let out');
    else if (!isLetOut(name)) refuse(`${name} is not let out`);
    else
      out(name).then(
        (outer) => join(caller, outer, seen),
        (error: unknown) => refuse(`${name}: ${reasonOf(error)}`),
      );
  };
  caller.on('data', onData);
  caller.resume();
}

export type WayOutOptions = {
  readonly official: Official;
  /** A connection to port 443 of a host outside. */
  readonly out: (name: string) => Promise<Socket>;
  /** Ubuntu's own archives, kept like Debian's; machines reach them over HTTP. */
  readonly ubuntu: { readonly archive: MirrorCache; readonly security: MirrorCache };
  readonly log: (line: string) => void;
};

/** The door that lets official hosts in, and nobody else. */
export function openDoor({ official, out, ubuntu, log }: WayOutOptions): Door {
  const isOver = (name: string, over: 'https' | 'http'): boolean => hostNamed(official.hosts, name)?.over === over;
  const archive: RequestListener = createMirrorListener({ ubuntu: ubuntu.archive });
  const security: RequestListener = createMirrorListener({ ubuntu: ubuntu.security });
  const open = new Set<Socket>();
  return {
    onConnection: (socket) => {
      open.add(socket);
      socket.on('close', () => open.delete(socket));
      passThrough(socket, { isLetOut: (name) => isOver(name, 'https'), out, log });
    },
    onRequest: (incoming, outgoing) => {
      const host = hostOf(incoming);
      if (!isOver(host, 'http')) return false;
      (host === 'security.ubuntu.com' ? security : archive)(incoming, outgoing);
      return true;
    },
    close: () => {
      for (const socket of open) socket.destroy();
    },
  };
}
