import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { printable } from '#contracts/printable.ts';
import type {
  Challenge,
  ChallengeRequest,
  HandshakeDenied,
  HandshakeGranted,
  HandshakeRequest,
  HeartbeatAnswer,
  HeartbeatRequest,
  Refusal,
  Revoked,
} from '#contracts/webserver.ts';
import { Refused, readMessage } from './body.ts';
import { tellHost } from './control-client.ts';
import { type HostStore, Hosts, TOKEN_LIFE_S } from './hosts.ts';
import { type IdentityPolicy, identityProblem, isProven } from './identity.ts';
import { NONCE_LIFE_S, Nonces } from './nonces.ts';
import { isInstanceId } from './standing-orders.ts';
import type { SelfSigned } from './tls.ts';

/** What the webserver makes of the handshake of a host that is who it says. All but the first two are for tests of hosts. */
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
  readonly policy: IdentityPolicy;
  readonly decide: (request: HandshakeRequest) => Decision | Promise<Decision>;
  readonly store?: HostStore;
  /** For people. */
  readonly now?: () => number;
  /** Milliseconds of a clock that nobody sets: what is decided by time is decided by it. */
  readonly monotonic?: () => number;
  /** Hears of each handshake that did not end in a grant; for logs. Never told a secret. */
  readonly onRefusal?: (instanceId: string, reason: string) => void;
};

export type Webserver = {
  readonly port: number;
  readonly hosts: Hosts;
  /**
   * No longer trusts a host, until `trust`: it is told at once when it can be reached, else by its next heartbeat or handshake. Returns whether
   * it is known; the order is kept either way.
   */
  revoke(instanceId: string, reason: string): Promise<boolean>;
  /** Wants a host to take no more tasks and to stop, until `serve`. Returns whether it is known; the order is kept either way. */
  drain(instanceId: string, reason: string): Promise<boolean>;
  /** Takes a drain back. The host serves once its own operator has it ask again. Returns whether it is known. */
  serve(instanceId: string): boolean;
  /** Takes a revocation back. Returns whether the host is known. */
  trust(instanceId: string): boolean;
  /** The instance was never here: its token is void, and another key may come with its id. Orders stay. Returns whether it was known. */
  forget(instanceId: string): boolean;
  close(): Promise<void>;
};

const REQUEST_TIMEOUT_MS = 15_000;

const answer = (response: ServerResponse, status: number, body: object | string): void => {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) });
  response.end(text);
};

/** A reason as the protocol takes one. */
const reasonOf = (text: string): string => printable(text.trim() || 'no reason was given', 200);

const privateIpOf = (identityDocument: string): string | null => {
  const { privateIp } = JSON.parse(identityDocument) as { privateIp?: unknown };
  return typeof privateIp === 'string' ? privateIp : null;
};

/**
 * The reference webserver: the protocol of contracts/openapi.json over TLS. It lets in hosts whose identity document verifies, who are among
 * those of the policy, and who can sign a nonce that was made for them. An instance id that lives with another key is refused; the same host
 * is let in again after its service was restarted.
 */
export const startWebserver = async (options: WebserverOptions): Promise<Webserver> => {
  const { address, port, tls, policy, decide, onRefusal = () => undefined } = options;
  const { now = Date.now, monotonic = () => performance.now() } = options;
  const hosts = new Hosts(now, options.store ?? null, monotonic);
  const nonces = new Nonces(monotonic);

  const carryOut = async (
    decision: Decision,
    handshake: HandshakeRequest,
    from: string,
    response: ServerResponse,
  ): Promise<void> => {
    switch (decision.kind) {
      case 'grant': {
        const control = handshake.control && {
          address: privateIpOf(handshake.identityDocument) ?? from,
          port: handshake.control,
        };
        const granted: HandshakeGranted = {
          version: 1,
          authToken: hosts.admit(handshake, control),
          expiresInSeconds: TOKEN_LIFE_S,
        };
        return answer(response, 200, granted);
      }
      case 'deny': {
        onRefusal(handshake.instanceId, decision.reason);
        const denied: HandshakeDenied = { version: 1, denied: true, reason: reasonOf(decision.reason) };
        return answer(response, 403, denied);
      }
      case 'delay':
        await sleep(decision.delayMs);
        return carryOut(decision.afterwards, handshake, from, response);
      case 'error':
        return answer(response, decision.status, { version: 1, code: 'INTERNAL', reason: 'told to fail' });
      case 'nonsense':
        return answer(response, 200, decision.body);
    }
  };

  const challenge = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { instanceId } = await readMessage<ChallengeRequest>(request, 'ChallengeRequest');
    const nonce = nonces.issue(instanceId);
    if (nonce === null) throw new Refused(503, 'BUSY', 'too many handshakes are open');
    const given: Challenge = { version: 1, nonce, expiresInSeconds: NONCE_LIFE_S };
    answer(response, 200, given);
  };

  const handshake = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const shown = await readMessage<HandshakeRequest>(request, 'HandshakeRequest');
    if (!nonces.use(shown.nonce, shown.instanceId))
      throw new Refused(400, 'NONCE', 'this nonce is not one of ours, was used, or has run out');
    if (!isProven(shown)) throw new Refused(400, 'PROOF', 'the proof does not verify with hostKey');
    const problem = identityProblem(shown, policy);
    const from = request.socket.remoteAddress ?? '';
    if (problem !== null) return carryOut({ kind: 'deny', reason: problem }, shown, from, response);
    if (hosts.isTaken(shown.instanceId, shown.hostKey)) {
      onRefusal(shown.instanceId, 'known already, with another key');
      throw new Refused(400, 'INSTANCE_KNOWN', `${shown.instanceId} is known already, with another key`);
    }
    const ordered = hosts.orders.denialOf(shown.instanceId);
    if (ordered !== null) return carryOut({ kind: 'deny', reason: ordered }, shown, from, response);
    return carryOut(await decide(shown), shown, from, response);
  };

  const heartbeat = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const beat = await readMessage<HeartbeatRequest>(request, 'HeartbeatRequest');
    const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const host = hosts.recognise(beat.instanceId, token);
    if (host === null) throw new Refused(401, 'TOKEN', 'no such host, or its token has run out');
    const ordered = hosts.orders.of(beat.instanceId);
    if (ordered.revoked !== null) {
      const revoked: Revoked = { version: 1, revoked: true, reason: ordered.revoked };
      return answer(response, 403, revoked);
    }
    const authToken = hosts.renew(host);
    if (beat.isDyingHeartbeat) hosts.forget(beat.instanceId);
    const command = ordered.drain === null ? 'serve' : 'drain';
    const next: HeartbeatAnswer = { version: 1, authToken, expiresInSeconds: TOKEN_LIFE_S, command };
    answer(response, 200, next);
  };

  const ROUTES: Readonly<Record<string, (request: IncomingMessage, response: ServerResponse) => Promise<void>>> = {
    '/host_service/challenge': challenge,
    '/host_service/auth': handshake,
    '/host_service/heartbeat': heartbeat,
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const route = request.method === 'POST' ? ROUTES[request.url ?? ''] : undefined;
    if (!route) throw new Refused(404, 'NOT_FOUND', 'not a path of this protocol');
    await route(request, response);
  };

  const server = createServer(
    { ...tls, minVersion: 'TLSv1.2', requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS },
    (request, response) => {
      handle(request, response).catch((error: unknown) => {
        const known = error instanceof Refused ? error : new Refused(500, 'INTERNAL', 'internal error');
        // The rest of a body that was too large is not read: the connection ends once the answer is out.
        response.on('finish', () => request.destroy());
        if (response.headersSent) request.destroy();
        else {
          const refusal: Refusal = { version: 1, code: known.code, reason: known.message };
          answer(response, known.status, refusal);
        }
      });
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, resolve);
  });

  /** Pushed at once where the control port answers; the next heartbeat says the same. */
  const push = async (instanceId: string, verb: 'drain' | 'revoke', reason: string): Promise<void> => {
    const control = hosts.controlOf(instanceId);
    if (control) await tellHost(control.address, control.port, verb, reason).catch(() => undefined);
  };

  /** Kept before it is told, also for an instance that is not known (any more): a stolen host may be silent. */
  const order = async (instanceId: string, verb: 'drain' | 'revoke', given: string): Promise<boolean> => {
    if (!isInstanceId(instanceId)) return false;
    const reason = reasonOf(given);
    hosts.orders.change(instanceId, verb === 'drain' ? { drain: reason } : { revoked: reason });
    if (hosts.get(instanceId) === null) return false;
    await push(instanceId, verb, reason);
    return true;
  };

  const takeBack = (instanceId: string, change: { drain?: null; revoked?: null; keyHash?: null }): boolean => {
    hosts.orders.change(instanceId, change);
    return hosts.get(instanceId) !== null;
  };

  return {
    port: (server.address() as AddressInfo).port,
    hosts,
    revoke: (instanceId, reason) => order(instanceId, 'revoke', reason),
    drain: (instanceId, reason) => order(instanceId, 'drain', reason),
    serve: (instanceId) => takeBack(instanceId, { drain: null }),
    trust: (instanceId) => takeBack(instanceId, { revoked: null }),
    forget: (instanceId) => {
      const isKnown = takeBack(instanceId, { keyHash: null });
      hosts.forget(instanceId);
      return isKnown;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
};
