import { createServer, type RequestListener, type Server } from 'node:http';
import type { Server as SocketServer } from 'node:net';
import { join } from 'node:path';
import { attachHttp } from '../net/peer-socket.ts';
import { IMDS_ADDRESS, SERVICE_ADDRESS } from '../net/plan.ts';
import type { Forward } from '../net/start-gateway.ts';

/** One address and port inside the namespace, and what answers there. */
export type NamespaceService = {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly serve: (path: string) => Promise<{ close(): void }>;
};

export function httpService(name: string, address: string, port: number, server: Server): NamespaceService {
  return {
    name,
    address,
    port,
    serve: async (path) => {
      const sockets: SocketServer = await attachHttp(path, server);
      return {
        close: () => {
          sockets.close();
          server.closeAllConnections();
        },
      };
    },
  };
}

export function metadataService(listener: RequestListener): NamespaceService {
  return httpService('imds', IMDS_ADDRESS, 80, createServer(listener));
}

/**
 * Port 80 of the service address: packages and git, and what is asked of another name than the lab's own.
 *
 * @param official returns whether a request was for one of those
 */
export function webService(
  mirror: RequestListener,
  git: RequestListener,
  official: (...asked: Parameters<RequestListener>) => boolean,
): NamespaceService {
  return httpService(
    'web',
    SERVICE_ADDRESS,
    80,
    createServer((request, response) => {
      if (official(request, response)) return;
      ((request.url ?? '').startsWith('/git/') ? git : mirror)(request, response);
    }),
  );
}

/**
 * Listens on a unix socket for each service, in the daemon; the gateway then forwards to them from inside the
 * namespace.
 */
export async function serveAll(
  folder: string,
  services: readonly NamespaceService[],
): Promise<{ readonly forwards: readonly Forward[]; close(): void }> {
  const open = await Promise.all(
    services.map(async ({ name, address, port, serve }) => {
      const socket = join(folder, `${name}.sock`);
      return { address, port, socket, served: await serve(socket) };
    }),
  );
  return {
    forwards: open.map(({ address, port, socket }) => ({ address, port, socket })),
    close: () => {
      for (const { served } of open) served.close();
    },
  };
}
