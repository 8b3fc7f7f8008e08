import { createServer, type RequestListener, type Server } from 'node:http';
import type { Server as SocketServer } from 'node:net';
import { join } from 'node:path';
import { attachHttp } from '../net/peer-socket.ts';
import { IMDS_ADDRESS, SERVICE_ADDRESS } from '../net/plan.ts';
import type { Doors } from '../net/start-gateway.ts';

/** One address and port inside the namespace, and what answers there. */
export type Door = {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly serve: (path: string) => Promise<{ close(): void }>;
};

/** A door that speaks HTTP. */
export function httpDoor(name: string, address: string, port: number, server: Server): Door {
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

export function metadataDoor(listener: RequestListener): Door {
  return httpDoor('imds', IMDS_ADDRESS, 80, createServer(listener));
}

/** Port 80 of the service address: packages and git. */
export function webDoor(mirror: RequestListener, git: RequestListener): Door {
  return httpDoor(
    'web',
    SERVICE_ADDRESS,
    80,
    createServer((request, response) => ((request.url ?? '').startsWith('/git/') ? git : mirror)(request, response)),
  );
}

/** Opens the daemon's side of every door; the gateway then connects the other side. */
export async function openDoors(
  folder: string,
  doors: readonly Door[],
): Promise<{ readonly gateway: Doors; close(): void }> {
  const open = await Promise.all(
    doors.map(async (door) => {
      const socket = join(folder, `${door.name}.sock`);
      return { address: door.address, port: door.port, socket, served: await door.serve(socket) };
    }),
  );
  return {
    gateway: open.map(({ address, port, socket }) => ({ address, port, socket })),
    close: () => {
      for (const { served } of open) served.close();
    },
  };
}
