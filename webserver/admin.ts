import { chmod, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { Decision, Webserver } from './server.ts';

/** What whoever runs the webserver tells it, through a socket that only they can open. */
export type AdminOrder =
  | { readonly kind: 'decide'; readonly instanceId: string | null; readonly decision: Decision }
  | { readonly kind: 'drain' | 'revoke'; readonly instanceId: string; readonly reason: string }
  | { readonly kind: 'hosts' };

export type HostLine = {
  readonly instanceId: string;
  readonly region: string;
  readonly imageId: string;
  readonly environment: string;
  readonly state: 'alive' | 'silent' | 'draining' | 'revoked';
  readonly heartbeats: number;
  readonly lastSeen: string;
};

/** What is answered to a handshake: for one instance, else for all. */
export class Decisions {
  readonly #byInstance = new Map<string, Decision>();
  #usual: Decision = { kind: 'grant' };

  set(instanceId: string | null, decision: Decision): void {
    if (instanceId === null) this.#usual = decision;
    else this.#byInstance.set(instanceId, decision);
  }

  of(instanceId: string): Decision {
    return this.#byInstance.get(instanceId) ?? this.#usual;
  }
}

const hostLines = ({ hosts }: Webserver): readonly HostLine[] =>
  hosts.list().map((host) => ({
    instanceId: host.instanceId,
    region: host.region,
    imageId: host.imageId,
    environment: host.environment,
    state:
      host.revoked === null
        ? hosts.isAlive(host)
          ? host.wanted === 'drain'
            ? 'draining'
            : 'alive'
          : 'silent'
        : 'revoked',
    heartbeats: host.heartbeats,
    lastSeen: new Date(host.lastSeenMs).toISOString(),
  }));

const readAll = async (message: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
};

/** Serves orders on a socket of the file system, mode 0600. */
export const serveAdmin = async (
  path: string,
  webserver: Webserver,
  decisions: Decisions,
): Promise<AsyncDisposable> => {
  const carryOut = async (order: AdminOrder): Promise<unknown> => {
    switch (order.kind) {
      case 'hosts':
        return hostLines(webserver);
      case 'decide':
        decisions.set(order.instanceId, order.decision);
        return {};
      case 'drain':
        return { isKnown: await webserver.drain(order.instanceId, order.reason) };
      case 'revoke':
        return { isKnown: await webserver.revoke(order.instanceId, order.reason) };
    }
  };
  const server = createServer((incoming, outgoing) => {
    readAll(incoming)
      .then((text) => carryOut(JSON.parse(text) as AdminOrder))
      .then(
        (result) => outgoing.end(JSON.stringify(result)),
        () => outgoing.writeHead(400).end('{}'),
      );
  });
  await rm(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  await chmod(path, 0o600);
  return {
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
};

/** @throws Error when no webserver listens there */
export const orderWebserver = (path: string, order: AdminOrder): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const outgoing = request({ socketPath: path, method: 'POST', path: '/' }, (incoming) => {
      readAll(incoming).then((text) => resolve(JSON.parse(text)), reject);
    });
    outgoing.on('error', reject);
    outgoing.end(JSON.stringify(order));
  });
