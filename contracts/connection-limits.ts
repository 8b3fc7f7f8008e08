import type { Server, Socket } from 'node:net';

/** A peer of a connection; also of a TLS socket, which is another object than the one below it. */
type Peer = { readonly remoteAddress?: string | undefined; readonly remotePort?: number | undefined };

const keyOf = ({ remoteAddress, remotePort }: Peer): string => `${remoteAddress} ${remotePort}`;

export type ConnectionLimits = {
  /** Whoever is at the other end has shown who they are: this connection counts no more and is not dropped. */
  proven(peer: Peer): void;
};

/**
 * Keeps at most `most` connections of strangers open at a server (HTTP, HTTPS or TCP). When another one comes, the one that has been open
 * for longest without proving itself is dropped: strangers that hold connections only drop each other, and whoever has something to say
 * needs milliseconds. `maxConnections` of Node would drop the newest instead, and with it everybody who comes later.
 */
export const limitConnections = (server: Server, most: number): ConnectionLimits => {
  /** In the order in which they were opened. */
  const strangers = new Map<string, Socket>();
  server.on('connection', (socket) => {
    const [oldest] = strangers.size >= most ? strangers : [];
    if (oldest) {
      strangers.delete(oldest[0]);
      oldest[1].destroy();
    }
    const key = keyOf(socket);
    strangers.set(key, socket);
    socket.once('close', () => {
      if (strangers.get(key) === socket) strangers.delete(key);
    });
  });
  return { proven: (peer) => void strangers.delete(keyOf(peer)) };
};
