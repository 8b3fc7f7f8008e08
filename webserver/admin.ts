import { rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, request } from 'node:http';
import { printable } from '#contracts/printable.ts';
import { reasonOf } from '#contracts/reason.ts';
import { type AdminOrder, BadOrder, orderIn } from './admin-orders.ts';
import type { Host, Hosts } from './hosts.ts';
import type { Decision, Webserver } from './server.ts';

export { type AdminOrder, BadOrder } from './admin-orders.ts';

export type HostLine = {
  readonly instanceId: string;
  readonly region: string;
  readonly imageId: string;
  readonly environment: string;
  readonly state: 'alive' | 'silent' | 'draining' | 'revoked';
  readonly heartbeats: number;
  readonly lastSeen: string;
};

/** What stands of an instance, whether its host is there or not. */
export type OrderLine = {
  readonly instanceId: string;
  readonly drain: string | null;
  readonly revoked: string | null;
  readonly isKnown: boolean;
};

/** An order that was understood, and that the webserver could not carry out. */
export class OrderFailed extends Error {
  constructor(problem: string) {
    super(problem);
    this.name = 'OrderFailed';
  }
}

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

function stateOf(hosts: Hosts, host: Host): HostLine['state'] {
  const { drain, revoked } = hosts.orders.of(host.instanceId);
  if (revoked !== null) return 'revoked';
  if (!hosts.isAlive(host)) return 'silent';
  return drain === null ? 'alive' : 'draining';
}

function hostLines({ hosts }: Webserver): readonly HostLine[] {
  return hosts.list().map((host) => ({
    instanceId: host.instanceId,
    region: host.region,
    imageId: host.imageId,
    environment: host.environment,
    state: stateOf(hosts, host),
    heartbeats: host.heartbeats,
    lastSeen: new Date(host.lastSeenMs).toISOString(),
  }));
}

function orderLines({ hosts }: Webserver): readonly OrderLine[] {
  return hosts.orders
    .list()
    .map(({ instanceId, drain, revoked }) => ({ instanceId, drain, revoked, isKnown: hosts.get(instanceId) !== null }));
}

const LARGEST_ORDER_BYTES = 64 * 1024;

async function readAll(message: IncomingMessage, most: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message) {
    bytes += (chunk as Buffer).length;
    if (bytes > most) throw new BadOrder(`an order of more than ${most} bytes`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Serves orders on a socket of the file system, mode 0600. */
export async function serveAdmin(path: string, webserver: Webserver, decisions: Decisions): Promise<AsyncDisposable> {
  const carryOut = async (order: AdminOrder): Promise<unknown> => {
    switch (order.kind) {
      case 'hosts':
        return hostLines(webserver);
      case 'orders':
        return orderLines(webserver);
      case 'resume':
        webserver.resume();
        return {};
      case 'decide':
        decisions.set(order.instanceId, order.decision);
        return {};
      case 'drain':
        return { isKnown: await webserver.drain(order.instanceId, order.reason) };
      case 'revoke':
        return { isKnown: await webserver.revoke(order.instanceId, order.reason) };
      case 'serve':
      case 'trust':
      case 'forget':
        return { isKnown: webserver[order.kind](order.instanceId) };
    }
  };
  const server = createServer((incoming, outgoing) => {
    readAll(incoming, LARGEST_ORDER_BYTES)
      .then((text) => carryOut(orderIn(text)))
      .then(
        (result) => outgoing.end(JSON.stringify(result)),
        (error: unknown) => {
          const problem = printable(reasonOf(error), 300);
          outgoing.on('finish', () => incoming.destroy());
          outgoing.writeHead(error instanceof BadOrder ? 400 : 500).end(JSON.stringify({ problem }));
        },
      );
  });
  await rm(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // Never anybody else's, not even for the moment between its making and a chmod: the socket is made within this
    // call.
    const before = process.umask(0o177);
    server.listen(path, resolve);
    process.umask(before);
  });
  return {
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/**
 * @throws BadOrder when it is none, OrderFailed when it could not be carried out, Error when no webserver listens
 * there
 */
export function orderWebserver(path: string, order: AdminOrder): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath: path, method: 'POST', path: '/' }, (incoming) => {
      readAll(incoming, Number.POSITIVE_INFINITY)
        .then((text) => {
          const answer = JSON.parse(text) as { readonly problem?: string };
          if (incoming.statusCode === 200) return resolve(answer);
          const problem = answer.problem ?? `HTTP ${incoming.statusCode ?? 0}`;
          reject(incoming.statusCode === 400 ? new BadOrder(problem) : new OrderFailed(problem));
        })
        .catch(reject);
    });
    outgoing.on('error', reject);
    outgoing.end(JSON.stringify(order));
  });
}
