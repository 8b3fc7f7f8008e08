import { rm } from 'node:fs/promises';
import type { Server as HttpServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';

const PEERS = new WeakMap<Socket, string>();
const LONGEST_LINE = 64;
const LINE_WAIT_MS = 5000;

/**
 * The address of the machine that made this connection, as the gateway saw it; null on a connection that did not come
 * through it.
 */
export function peerOf(socket: Socket): string | null {
  return PEERS.get(socket) ?? null;
}

/** A connection inside another, such as TLS over TCP, has the same peer. */
export function samePeer(inner: Socket, outer: Socket): void {
  const peer = peerOf(outer);
  if (peer !== null) PEERS.set(inner, peer);
}

/**
 * Takes the gateway's first line off a connection, then hands it on with the rest of its bytes put back, and paused:
 * what reads below the stream, as TLS does, would miss bytes that had flowed already.
 */
function takePeerLine(socket: Socket, then: (socket: Socket) => void): void {
  let seen = Buffer.alloc(0);
  socket.setTimeout(LINE_WAIT_MS, () => socket.destroy());
  const onData = (chunk: Buffer): void => {
    seen = Buffer.concat([seen, chunk]);
    const end = seen.indexOf(0x0a);
    if (end < 0) {
      if (seen.length > LONGEST_LINE) socket.destroy();
      return;
    }
    socket.off('data', onData);
    const match = /^PEER ([\d.]+) \d+$/.exec(seen.subarray(0, end).toString('latin1'));
    if (!match?.[1]) {
      socket.destroy();
      return;
    }
    PEERS.set(socket, match[1]);
    socket.setTimeout(0);
    socket.removeAllListeners('timeout');
    socket.pause();
    const rest = seen.subarray(end + 1);
    if (rest.length > 0) socket.unshift(rest);
    then(socket);
  };
  socket.on('data', onData);
  socket.on('error', () => socket.destroy());
}

/** Listens on a unix socket for connections from the gateway; who takes one resumes it, or reads it otherwise. */
export async function listenForPeers(path: string, onConnection: (socket: Socket) => void): Promise<Server> {
  await rm(path, { force: true });
  const server = createServer({ allowHalfOpen: true }, (socket) => takePeerLine(socket, onConnection));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  return server;
}

/** Serves HTTP to machines: `http` need not listen itself; `peerOf(request.socket)` tells who asks. */
export function attachHttp(path: string, http: HttpServer): Promise<Server> {
  return listenForPeers(path, (socket) => {
    http.emit('connection', socket);
    socket.resume();
  });
}
