import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HandshakeDenied, HandshakeGranted, HandshakeRequest, HeartbeatAnswer } from '#contracts/webserver.ts';
import { BadRequest, readJsonObject, requireText } from './body.ts';
import { Hosts, TOKEN_LIFE_S } from './hosts.ts';
import type { SelfSigned } from './tls.ts';

/** What the webserver makes of a handshake. The last three are for tests of hosts that meet a webserver that is not well. */
export type Decision =
  | { readonly kind: 'grant' }
  | { readonly kind: 'deny'; readonly reason: string }
  | { readonly kind: 'delay'; readonly delayMs: number; readonly afterwards: Decision }
  | { readonly kind: 'error'; readonly status: number }
  | { readonly kind: 'nonsense'; readonly body: string };

export type WebserverOptions = {
  readonly address: string;
  readonly port: number;
  readonly tls: SelfSigned;
  /** Decides on each handshake; a host is never asked about twice while its heartbeats go on. */
  readonly decide: (request: HandshakeRequest) => Decision | Promise<Decision>;
};

export type Webserver = {
  readonly port: number;
  hosts(): ReturnType<Hosts['list']>;
  close(): Promise<void>;
};

const REQUEST_TIMEOUT_MS = 15_000;

const answer = (response: ServerResponse, status: number, body: object | string): void => {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) });
  response.end(text);
};

const readHandshake = async (request: IncomingMessage): Promise<HandshakeRequest> => {
  const body = await readJsonObject(request);
  if (body['version'] !== 1) throw new BadRequest(400, 'this webserver speaks version 1');
  const handshake: HandshakeRequest = {
    version: 1,
    instanceId: requireText(body, 'instanceId'),
    instanceType: requireText(body, 'instanceType'),
    region: requireText(body, 'region'),
    imageId: requireText(body, 'imageId'),
    identityDocument: requireText(body, 'identityDocument'),
    identitySignature: requireText(body, 'identitySignature'),
  };
  let document: unknown;
  try {
    document = JSON.parse(handshake.identityDocument);
  } catch {
    throw new BadRequest(400, 'identityDocument is not JSON');
  }
  for (const key of ['instanceId', 'instanceType', 'region', 'imageId'] as const) {
    if ((document as Record<string, unknown> | null)?.[key] !== handshake[key]) {
      throw new BadRequest(400, `${key} is not what the identity document says`);
    }
  }
  return handshake;
};

/**
 * The reference webserver: handshake and heartbeat of contracts/webserver.ts over TLS, hosts in memory. An instance id whose heartbeats
 * go on is refused (400); one that said goodbye, or went silent for a token's life, may shake hands again.
 */
export const startWebserver = async ({ address, port, tls, decide }: WebserverOptions): Promise<Webserver> => {
  const hosts = new Hosts();

  const carryOut = async (decision: Decision, instanceId: string, response: ServerResponse): Promise<void> => {
    switch (decision.kind) {
      case 'grant': {
        const granted: HandshakeGranted = {
          version: 1,
          authToken: hosts.admit(instanceId),
          expiresInSeconds: TOKEN_LIFE_S,
        };
        return answer(response, 200, granted);
      }
      case 'deny': {
        const denied: HandshakeDenied = { version: 1, denied: true, reason: decision.reason };
        return answer(response, 403, denied);
      }
      case 'delay':
        await sleep(decision.delayMs);
        return carryOut(decision.afterwards, instanceId, response);
      case 'error':
        return answer(response, decision.status, { error: 'told to fail' });
      case 'nonsense':
        return answer(response, 200, decision.body);
    }
  };

  const heartbeat = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readJsonObject(request);
    const instanceId = requireText(body, 'instanceId');
    const shown = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const authToken = hosts.heartbeat(instanceId, shown);
    if (authToken === null) return answer(response, 401, { error: 'no such host, or its token has run out' });
    if (body['isDyingHeartbeat'] === true) hosts.forget(instanceId);
    const next: HeartbeatAnswer = { version: 1, authToken, expiresInSeconds: TOKEN_LIFE_S };
    answer(response, 200, next);
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.method === 'POST' && request.url === '/host_service/auth') {
      const handshake = await readHandshake(request);
      if (hosts.isKnown(handshake.instanceId)) throw new BadRequest(400, `${handshake.instanceId} is known already`);
      return carryOut(await decide(handshake), handshake.instanceId, response);
    }
    if (request.method === 'POST' && request.url === '/host_service/heartbeat') return heartbeat(request, response);
    throw new BadRequest(404, 'not a path of this protocol');
  };

  const server = createServer(
    { ...tls, minVersion: 'TLSv1.2', requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS },
    (request, response) => {
      handle(request, response).catch((error: unknown) => {
        const status = error instanceof BadRequest ? error.status : 500;
        // The rest of a body that was too large is not read: the connection ends once the answer is out.
        response.on('finish', () => request.destroy());
        if (response.headersSent) request.destroy();
        else answer(response, status, { error: error instanceof BadRequest ? error.message : 'internal error' });
      });
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    hosts: () => hosts.list(),
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
};
