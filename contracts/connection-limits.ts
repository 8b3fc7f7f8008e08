import type { Server, Socket } from 'node:net';

/** A peer of a connection; also of a TLS socket, which is another object than the one below it. */
type Peer = { readonly remoteAddress?: string | undefined; readonly remotePort?: number | undefined };

export type ConnectionLimits = {
  /** Whoever is at the other end has shown who they are: this connection counts no more and is not dropped. */
  proven(peer: Peer): void;
};

/**
 * Connections by the address that they come from, there by their port, and each in the order in which they were
 * opened.
 */
class Strangers {
  readonly #addresses = new Map<string | undefined, Map<number | undefined, Socket>>();
  count = 0;

  add(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    const theirs = this.#addresses.get(remoteAddress) ?? new Map<number | undefined, Socket>();
    if (!theirs.has(remotePort)) this.count += 1;
    this.#addresses.set(remoteAddress, theirs.set(remotePort, socket));
    socket.once('close', () => {
      if (this.#addresses.get(remoteAddress)?.get(remotePort) === socket) this.remove({ remoteAddress, remotePort });
    });
  }

  remove({ remoteAddress, remotePort }: Peer): void {
    const theirs = this.#addresses.get(remoteAddress);
    if (!theirs?.delete(remotePort)) return;
    this.count -= 1;
    if (theirs.size === 0) this.#addresses.delete(remoteAddress);
  }

  /** The oldest connection of the address that holds most. */
  nextToGo(): Socket | undefined {
    let most: ReadonlyMap<number | undefined, Socket> = new Map();
    for (const theirs of this.#addresses.values()) if (theirs.size > most.size) most = theirs;
    return most.values().next().value;
  }
}

/**
 * Keeps at most `most` connections of strangers open at a server (HTTP, HTTPS or TCP). When another one comes, one is
 * dropped: of the address that holds most, the one that has been open for longest without proving itself. So a thousand
 * connections that one neighbour holds, and opens again as soon as they are dropped, cost that neighbour's and nobody
 * else's. `maxConnections` of Node would drop the newest instead, and with it everybody who comes later.
 */
export function limitConnections(server: Server, most: number): ConnectionLimits {
  const strangers = new Strangers();
  server.on('connection', (socket) => {
    strangers.add(socket);
    const next = strangers.count > most ? strangers.nextToGo() : undefined;
    if (next === undefined) return;
    strangers.remove(next);
    next.destroy();
  });
  return { proven: (peer) => strangers.remove(peer) };
}
