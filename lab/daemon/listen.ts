import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

function tryPort(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => reject(error);
    server.once('error', failed);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', failed);
      resolve();
    });
  });
}

/**
 * Listens on loopback. Null means the usual port, or a free one when another lab or program has that; everybody learns
 * the port from lab.json. A port that was asked for is taken or refused.
 *
 * @returns the port
 */
export async function listenOnLoopback(server: Server, port: number | null, usual: number): Promise<number> {
  try {
    await tryPort(server, port ?? usual);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    if (port !== null)
      throw new Error(`port ${port} is taken, perhaps by another lab; leave --port out to get a free one`);
    await tryPort(server, 0);
  }
  return (server.address() as AddressInfo).port;
}
