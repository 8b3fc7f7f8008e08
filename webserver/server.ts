import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { limitConnections } from '#contracts/connection-limits.ts';
import { printable } from '#contracts/printable.ts';
import { reasonOf } from '#contracts/reason.ts';
import type { HandshakeRequest, HeartbeatAnswer, HeartbeatRequest, Refusal, Revoked } from '#contracts/webserver.ts';
import { AddressBudget } from './address-budget.ts';
import { plainAddress } from './addresses.ts';
import { answer, toldReason } from './answer.ts';
import { Refused, readMessage } from './body.ts';
import { DenialBreaker, SilenceBreaker } from './breaker.ts';
import type { Confirm } from './confirm.ts';
import { type Decision, type Handshakes as Protocol, serveChallenge, serveHandshake } from './handshake.ts';
import { HostOrders } from './host-orders.ts';
import { type HostStore, Hosts, TOKEN_LIFE_S } from './hosts.ts';
import type { IdentityPolicy } from './identity.ts';
import { Nonces } from './nonces.ts';
import type { OnRefusal } from './refusals.ts';
import type { SelfSigned } from './tls.ts';

export type { Decision } from './handshake.ts';

export type WebserverOptions = {
  readonly address: string;
  readonly port: number;
  readonly tls: SelfSigned;
  readonly policy: IdentityPolicy;
  readonly decide: (request: HandshakeRequest) => Decision | Promise<Decision>;
  /** What is asked beyond the policy, of a host whose document and proof verify; null asks nothing. */
  readonly confirm?: Confirm | null;
  readonly store?: HostStore;
  /** For people. */
  readonly now?: () => number;
  /** Milliseconds of a clock that nobody sets: what is decided by time is decided by it. */
  readonly monotonic?: () => number;
  /**
   * For strangers: what an address may ask, at once and for each second, how many connections are kept, and for how
   * long.
   */
  readonly limits?: {
    readonly burst?: number;
    readonly perSecond?: number;
    readonly connections?: number;
    readonly times?: typeof TIMES;
  };
  /** Hears of each request that was refused, and each handshake that was denied; for logs. */
  readonly onRefusal?: OnRefusal;
  /** Hears of what whoever runs the webserver should know: a code, and one sentence. */
  readonly onNotice?: (code: WebserverNotice, text: string) => void;
};

export type WebserverNotice = 'ORDER_NOT_PUSHED' | 'MASS_DENIAL' | 'MASS_SILENCE';

export type Webserver = {
  readonly port: number;
  readonly hosts: Hosts;
  /**
   * No longer trusts a host, until `trust`: it is told at once when it can be reached, else by its next heartbeat or
   * handshake. Returns whether it is known; the order is kept either way.
   */
  revoke(instanceId: string, reason: string): Promise<boolean>;
  /**
   * Wants a host to take no more tasks and to stop, until `serve`. Returns whether it is known; the order is kept
   * either way.
   */
  drain(instanceId: string, reason: string): Promise<boolean>;
  /** Takes a drain back. The host serves once its own operator has it ask again. Returns whether it is known. */
  serve(instanceId: string): boolean;
  /** Takes a revocation back. Returns whether the host is known. */
  trust(instanceId: string): boolean;
  /**
   * The instance was never here: its token is void, and another key may come with its id. Orders stay. Returns whether
   * it was known.
   */
  forget(instanceId: string): boolean;
  /** Many denials, or many silent hosts, are meant: for ten minutes neither is held back. */
  resume(): void;
  /** For a reaper: whether silent hosts may be ended. */
  readonly silence: SilenceBreaker;
  close(): Promise<void>;
};

/** A request takes milliseconds; so do hosts that are far away and slow take less than this. */
const TIMES = {
  handshakeTimeout: 10_000,
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  /** How often Node looks for connections that are over these times. */
  connectionsCheckingInterval: 5000,
};
/** Connections at a time that have not shown a token or a handshake. */
const MOST_STRANGERS = 1000;

/**
 * The reference webserver: the protocol of contracts/openapi.json over TLS. It lets in hosts whose identity document
 * verifies, who are among those of the policy, and who can sign a nonce that was made for them. An instance id that
 * lives with another key is refused; the same host is let in again after its service was restarted.
 */
export async function startWebserver(options: WebserverOptions): Promise<Webserver> {
  const { address, port, tls, onRefusal = () => undefined, onNotice = () => undefined } = options;
  const { now = Date.now, monotonic = () => performance.now() } = options;
  const hosts = new Hosts(now, options.store ?? null, monotonic);
  const denials = denialBreaker(monotonic, onNotice);
  const silence = silenceBreaker(monotonic, onNotice);
  const protocol: Protocol = {
    hosts,
    nonces: new Nonces(monotonic),
    budget: new AddressBudget(monotonic, options.limits),
    policy: options.policy,
    decide: options.decide,
    confirm: options.confirm ?? null,
    denials,
    onRefusal,
    onProven: (request) => connections.proven(request.socket),
  };
  const server = createServer(
    { ...tls, minVersion: 'TLSv1.2', ...(options.limits?.times ?? TIMES) },
    (request, response) => {
      const from = plainAddress(request.socket.remoteAddress ?? '');
      handle(protocol, request, response).catch((error: unknown) =>
        refuse(error, { from, onRefusal }, request, response),
      );
    },
  );
  const connections = limitConnections(server, options.limits?.connections ?? MOST_STRANGERS);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, resolve);
  });
  const orders = new HostOrders(hosts, onNotice);
  return {
    port: (server.address() as AddressInfo).port,
    hosts,
    revoke: (instanceId, reason) => orders.give(instanceId, 'revoke', reason),
    drain: (instanceId, reason) => orders.give(instanceId, 'drain', reason),
    serve: (instanceId) => orders.takeBack(instanceId, { drain: null }),
    trust: (instanceId) => orders.takeBack(instanceId, { revoked: null }),
    forget: (instanceId) => orders.forget(instanceId),
    resume: () => {
      denials.resume();
      silence.resume();
    },
    silence,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

type OnNotice = NonNullable<WebserverOptions['onNotice']>;

function denialBreaker(monotonic: () => number, onNotice: OnNotice): DenialBreaker {
  return new DenialBreaker(monotonic, (denied, all) =>
    onNotice(
      'MASS_DENIAL',
      `${denied} hosts of ${all} that were granted before would be denied: nobody is, until "tell resume"`,
    ),
  );
}

function silenceBreaker(monotonic: () => number, onNotice: OnNotice): SilenceBreaker {
  return new SilenceBreaker(monotonic, (isTripped, silent, all) =>
    onNotice(
      'MASS_SILENCE',
      isTripped
        ? `${silent} hosts of ${all} are silent at once: none is ended, until they are heard or "tell resume"`
        : 'the silent hosts are few again: those that stay silent are ended',
    ),
  );
}

async function handle(protocol: Protocol, request: IncomingMessage, response: ServerResponse): Promise<void> {
  switch (request.method === 'POST' ? request.url : undefined) {
    case '/host_service/challenge':
      return serveChallenge(protocol, request, response);
    case '/host_service/auth':
      return serveHandshake(protocol, request, response);
    case '/host_service/heartbeat':
      return serveHeartbeat(protocol, request, response);
    default:
      throw new Refused(404, 'NOT_FOUND', 'not a path of this protocol');
  }
}

async function serveHeartbeat(
  { hosts, onProven }: Protocol,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const beat = await readMessage<HeartbeatRequest>(request, 'HeartbeatRequest');
  const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
  const host = hosts.recognise(beat.instanceId, token);
  if (host === null) throw new Refused(401, 'TOKEN', `${beat.instanceId} is no host of ours, or its token has run out`);
  onProven(request);
  const ordered = hosts.orders.of(beat.instanceId);
  if (ordered.revoked !== null) {
    const revoked: Revoked = { version: 1, revoked: true, reason: ordered.revoked };
    return answer(response, 403, revoked);
  }
  const authToken = hosts.renew(host);
  if (beat.isDyingHeartbeat) hosts.forget(beat.instanceId);
  // Without an order it is one that reboots, or whose service is stopped.
  if (beat.isDyingHeartbeat && ordered.drain !== null) {
    const { instanceId, region } = host;
    hosts.departures.add({ instanceId, region, why: 'drained' });
  }
  const command = ordered.drain === null ? 'serve' : 'drain';
  const next: HeartbeatAnswer = { version: 1, authToken, expiresInSeconds: TOKEN_LIFE_S, command };
  answer(response, 200, next);
}

function refuse(
  error: unknown,
  { from, onRefusal }: { readonly from: string; readonly onRefusal: OnRefusal },
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const known =
    error instanceof Refused ? error : new Refused(500, 'INTERNAL', 'internal error', { told: reasonOf(error) });
  // Whoever went away in the middle hears nothing, and is no news.
  if (known === error || !request.destroyed) onRefusal(known.instanceId ?? from, known.code, printable(known.told));
  // The rest of a body that was too large is not read: the connection ends once the answer is out.
  response.on('finish', () => request.destroy());
  if (response.headersSent) return void request.destroy();
  const refusal: Refusal = { version: 1, code: known.code, reason: toldReason(known.message) };
  const headers = known.retryAfterS === null ? {} : { 'Retry-After': `${known.retryAfterS}` };
  answer(response, known.status, refusal, headers);
}
