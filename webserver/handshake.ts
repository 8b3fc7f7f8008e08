import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { printable } from '#contracts/printable.ts';
import { reasonOf } from '#contracts/reason.ts';
import type {
  Challenge,
  ChallengeRequest,
  HandshakeDenied,
  HandshakeGranted,
  HandshakeRequest,
} from '#contracts/webserver.ts';
import type { AddressBudget } from './address-budget.ts';
import { plainAddress, privateIpOf } from './addresses.ts';
import { answer, toldReason } from './answer.ts';
import { Refused, readMessage } from './body.ts';
import type { DenialBreaker } from './breaker.ts';
import type { Confirm } from './confirm.ts';
import { type Hosts, TOKEN_LIFE_S } from './hosts.ts';
import { type IdentityPolicy, identityProblem, isProven } from './identity.ts';
import { NONCE_LIFE_S, type Nonces } from './nonces.ts';
import type { OnRefusal } from './refusals.ts';

/**
 * What the webserver makes of the handshake of a host that is who it says. All but the first two are for tests of
 * hosts.
 */
export type Decision =
  | { readonly kind: 'grant' }
  | { readonly kind: 'deny'; readonly reason: string }
  | { readonly kind: 'delay'; readonly delayMs: number; readonly afterwards: Decision }
  | { readonly kind: 'error'; readonly status: number }
  | { readonly kind: 'nonsense'; readonly body: string };

export type Handshakes = {
  readonly hosts: Hosts;
  readonly nonces: Nonces;
  readonly budget: AddressBudget;
  readonly policy: IdentityPolicy;
  readonly decide: (request: HandshakeRequest) => Decision | Promise<Decision>;
  readonly confirm: Confirm | null;
  readonly denials: DenialBreaker;
  readonly onRefusal: OnRefusal;
  /** The host at the other end has shown who it is. */
  readonly onProven: (request: IncomingMessage) => void;
};

type Shown = {
  readonly handshake: HandshakeRequest;
  readonly from: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
};

const RATE_RETRY_S = 5;

function take(budget: AddressBudget, from: string): void {
  if (!budget.take(from))
    throw new Refused(503, 'BUSY', 'too many requests of this address', { retryAfterS: RATE_RETRY_S });
}

export async function serveChallenge(
  { nonces, budget }: Handshakes,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  take(budget, request.socket.remoteAddress ?? '');
  const { instanceId } = await readMessage<ChallengeRequest>(request, 'ChallengeRequest');
  const given: Challenge = { version: 1, nonce: nonces.issue(instanceId), expiresInSeconds: NONCE_LIFE_S };
  answer(response, 200, given);
}

function refuseTaken({ hosts }: Handshakes, { instanceId, hostKey }: HandshakeRequest): void {
  if (hosts.isTaken(instanceId, hostKey))
    throw new Refused(400, 'INSTANCE_KNOWN', `${instanceId} is known already, with another key`, { instanceId });
}

function deny({ response }: Shown, reason: string): void {
  const denied: HandshakeDenied = { version: 1, denied: true, reason: toldReason(reason) };
  answer(response, 403, denied);
}

/**
 * What an operator has decided of a host, and is final for it. One that lives is ended once it is silent; one that is
 * not known any more, or never was, would idle for ever. Not one that shows another key than the host that was let in.
 */
function denyForGood(handshakes: Handshakes, shown: Shown, reason: string): void {
  const { hosts } = handshakes;
  const { instanceId, region, hostKey } = shown.handshake;
  if (hosts.get(instanceId) === null && hosts.isFirstOrSame(instanceId, hostKey))
    hosts.departures.add({ instanceId, region, why: 'denied' });
  denyHost(handshakes, shown, reason);
}

/** A no to a host that has shown who it is. */
function denyHost({ onRefusal }: Handshakes, shown: Shown, reason: string): void {
  onRefusal(shown.handshake.instanceId, 'DENIED', printable(reason));
  deny(shown, reason);
}

/** A no to somebody who says that they are this instance. */
function denyClaim({ onRefusal }: Handshakes, shown: Shown, reason: string): void {
  onRefusal(plainAddress(shown.from), 'DENIED', printable(`as ${shown.handshake.instanceId}: ${reason}`));
  deny(shown, reason);
}

const HELD_RETRY_S = 10;

/**
 * Hosts cost their address nothing: neither the challenge nor the handshake, nor a stranger's connection. Their nonce
 * is used up.
 */
function proven({ hosts, nonces, budget, onProven }: Handshakes, { handshake, from, request }: Shown): void {
  hosts.hear(handshake.instanceId, handshake.hostKey);
  nonces.spend(handshake.nonce);
  budget.giveBack(from, 2);
  onProven(request);
}

/** The policy's no. To a host that was granted before it is held back while it may be one of many. */
function denyByPolicy(handshakes: Handshakes, shown: Shown, problem: string): void {
  const { hosts, denials } = handshakes;
  const { instanceId, hostKey } = shown.handshake;
  if (!hosts.wasGranted(instanceId, hostKey)) return void denyClaim(handshakes, shown, problem);
  const ordered = hosts.orders.denialOf(instanceId);
  const isSaid = ordered !== null || denials.mayDeny(instanceId, hosts.list().length);
  if (isSaid) return void denyHost(handshakes, shown, ordered ?? problem);
  throw new Refused(503, 'BUSY', `a denial that is held back: ${problem}`, { instanceId, retryAfterS: HELD_RETRY_S });
}

async function confirmed({ confirm, hosts }: Handshakes, { handshake, from }: Shown): Promise<string | null> {
  const { instanceId } = handshake;
  try {
    return confirm === null ? null : await confirm(handshake, from, hosts);
  } catch (error) {
    const reason = 'it cannot be confirmed now who this is';
    const told = `${reason}: ${reasonOf(error)}`;
    throw new Refused(503, 'BUSY', reason, { instanceId, retryAfterS: HELD_RETRY_S, told });
  }
}

function grant(handshakes: Handshakes, { handshake, from, response }: Shown): void {
  // Whoever came while this one was decided on was first.
  refuseTaken(handshakes, handshake);
  const control = handshake.control && {
    address: privateIpOf(handshake.identityDocument) ?? from,
    port: handshake.control,
  };
  const authToken = handshakes.hosts.admit(handshake, control);
  handshakes.denials.granted(handshake.instanceId);
  const granted: HandshakeGranted = { version: 1, authToken, expiresInSeconds: TOKEN_LIFE_S };
  answer(response, 200, granted);
}

async function carryOut(handshakes: Handshakes, decision: Decision, shown: Shown): Promise<void> {
  switch (decision.kind) {
    case 'grant': {
      // Ordered while this one was decided on.
      const ordered = handshakes.hosts.orders.denialOf(shown.handshake.instanceId);
      return ordered === null ? grant(handshakes, shown) : denyForGood(handshakes, shown, ordered);
    }
    case 'deny':
      return denyForGood(handshakes, shown, decision.reason);
    case 'delay':
      await sleep(decision.delayMs);
      return carryOut(handshakes, decision.afterwards, shown);
    case 'error':
      return answer(shown.response, decision.status, { version: 1, code: 'INTERNAL', reason: 'told to fail' });
    case 'nonsense':
      return answer(shown.response, 200, decision.body);
  }
}

function refuseNonce(nonces: Nonces, { nonce, instanceId }: HandshakeRequest): void {
  if (!nonces.isGood(nonce, instanceId))
    throw new Refused(400, 'NONCE', 'this nonce is not one of ours, was used, or has run out');
}

export async function serveHandshake(
  handshakes: Handshakes,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { hosts, nonces, budget, policy, decide } = handshakes;
  const from = request.socket.remoteAddress ?? '';
  take(budget, from);
  const handshake = await readMessage<HandshakeRequest>(request, 'HandshakeRequest');
  const { instanceId } = handshake;
  refuseNonce(nonces, handshake);
  if (!isProven(handshake)) throw new Refused(400, 'PROOF', 'the proof does not verify with hostKey');
  const shown: Shown = { handshake, from, request, response };
  const problem = await identityProblem(handshake, policy);
  // Whoever has the key of a host that was granted before is that host, whatever the policy says now.
  if (problem === null || hosts.wasGranted(instanceId, handshake.hostKey)) {
    // Somebody may have used it while the signature was verified.
    refuseNonce(nonces, handshake);
    proven(handshakes, shown);
  }
  if (problem !== null) return denyByPolicy(handshakes, shown, problem);
  refuseTaken(handshakes, handshake);
  const ordered = hosts.orders.denialOf(instanceId);
  if (ordered !== null) return denyForGood(handshakes, shown, ordered);
  const doubt = await confirmed(handshakes, shown);
  if (doubt !== null) return denyByPolicy(handshakes, shown, doubt);
  return carryOut(handshakes, await decide(handshake), shown);
}
