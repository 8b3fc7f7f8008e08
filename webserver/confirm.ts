import type { HandshakeRequest } from '#contracts/webserver.ts';
import { plainAddress, privateIpOf } from './addresses.ts';
import type { Hosts } from './hosts.ts';

/**
 * An identity document never ends, and whoever can read it can show it. So one more thing is asked of whoever does: a
 * reason to deny, or null. Throws when it cannot be known now; then the host asks again.
 */
export type Confirm = (handshake: HandshakeRequest, from: string, hosts: Hosts) => Promise<string | null>;

/** Hosts come from the address that their document names. Not through NAT, a proxy or a tunnel. */
export const confirmAddress: Confirm = async ({ identityDocument }, from) => {
  const named = privateIpOf(identityDocument);
  return named !== null && plainAddress(from) === named
    ? null
    : `it comes from ${plainAddress(from)}, and its identity document names ${named ?? 'no address'}`;
};

/**
 * The first key that was let in under an instance id is the only one, until an operator forgets it. A reboot makes a
 * new key.
 */
export const confirmOnce: Confirm = async ({ instanceId, hostKey }, _, hosts) =>
  hosts.isFirstOrSame(instanceId, hostKey)
    ? null
    : 'another key was let in under its instance id before; after a reboot an operator has to forget that one';

/** What EC2 says of an instance; null when it does not know it. */
export type InstanceFacts = { readonly state: string; readonly privateIp: string | null };
export type DescribeInstance = (instanceId: string, region: string) => Promise<InstanceFacts | null>;

const CACHED_MS = 30_000;
/** EC2 may not know an instance yet that has just been started. */
const UNKNOWN_MS = 60_000;
const MOST_CACHED = 1000;

function setBounded<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > MOST_CACHED) map.delete(map.keys().next().value as string);
}

/**
 * EC2 says that the instance runs, at the address that its document names. Asked once in half a minute for each
 * instance.
 */
export function createConfirmEc2(
  describe: DescribeInstance,
  monotonic: () => number = () => performance.now(),
): Confirm {
  const cached = new Map<string, { readonly atMs: number; readonly facts: Promise<InstanceFacts | null> }>();
  const unknownSinceMs = new Map<string, number>();

  const ask = (instanceId: string, region: string): Promise<InstanceFacts | null> => {
    const found = cached.get(instanceId);
    if (found && monotonic() - found.atMs < CACHED_MS) return found.facts;
    const facts = describe(instanceId, region);
    setBounded(cached, instanceId, { atMs: monotonic(), facts });
    // What is not there (yet) and what failed is asked anew each time.
    const drop = (): void => {
      if (cached.get(instanceId)?.facts === facts) cached.delete(instanceId);
    };
    facts.then((found) => found === null && drop(), drop);
    return facts;
  };

  return async ({ instanceId, region, identityDocument }) => {
    const facts = await ask(instanceId, region);
    if (facts === null) {
      const sinceMs = unknownSinceMs.get(instanceId) ?? monotonic();
      setBounded(unknownSinceMs, instanceId, sinceMs);
      if (monotonic() - sinceMs < UNKNOWN_MS) throw new Error('EC2 does not know this instance yet');
      return 'EC2 does not know this instance';
    }
    unknownSinceMs.delete(instanceId);
    if (facts.state !== 'running' && facts.state !== 'pending') return `EC2 says that this instance is ${facts.state}`;
    const named = privateIpOf(identityDocument);
    return named !== null && named === facts.privateIp
      ? null
      : `EC2 says that its address is ${facts.privateIp ?? 'none'}, and its identity document names ${named ?? 'none'}`;
  };
}

/** All of them, in this order; the first reason counts. */
export function confirmAll(confirms: readonly Confirm[]): Confirm {
  return async (handshake, from, hosts) => {
    for (const confirm of confirms) {
      const problem = await confirm(handshake, from, hosts);
      if (problem !== null) return problem;
    }
    return null;
  };
}
