import { DescribeInstancesCommand, type Instance, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import { allEnded } from '../io/all-ended.ts';
import { outsideError } from '../io/errors.ts';
import { poll, waitUntil } from '../io/wait-until.ts';
import type { AwsClients } from './clients.ts';
import { isGone, UNKNOWN_MS } from './removal.ts';

/*
 * Why not waitUntilInstanceRunning and waitUntilInstanceTerminated of the SDK: they take every refusal of the API for
 * "not yet" and so wait out a missing permission; the second takes `stopping` for a failure, which an instance may
 * still be said to be right after it was terminated; and neither says why an instance ended. (docs/decisions/0112)
 */

const RUN_TIMEOUT_MS = 5 * 60_000;
const STOP_TIMEOUT_MS = 10 * 60_000;
const TERMINATE_TIMEOUT_MS = 5 * 60_000;
const ENDED: ReadonlySet<string> = new Set(['terminated', 'shutting-down', 'stopped']);

/** What the API knows of an instance; null is no proof that there is none: see `Unknown`. */
async function describe({ ec2 }: AwsClients, instanceId: string): Promise<Instance | null> {
  try {
    const answer = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [instanceId] }));
    return answer.Reservations?.[0]?.Instances?.[0] ?? null;
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

/**
 * How long an instance was not known without a break. EC2 may not know it everywhere for a moment after its launch, and
 * forgets it an hour after its end; only time tells one from the other.
 */
class Unknown {
  readonly #limitMs: number;
  #sinceMs: number | null = null;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** @returns whether it has not been there for so long that there is none */
  take(instance: Instance | null): boolean {
    if (instance !== null) {
      this.#sinceMs = null;
      return false;
    }
    this.#sinceMs ??= performance.now();
    return performance.now() - this.#sinceMs >= this.#limitMs;
  }
}

/**
 * Waits until a new instance runs and has an address.
 *
 * @throws EcsHostError `INSTANCE_ENDED` (outside) as soon as it is clear that it never will
 */
export function waitForAddress(clients: AwsClients, instanceId: string, signal: AbortSignal): Promise<string> {
  const look = async (): Promise<string | null> => {
    const instance = await describe(clients, instanceId);
    const state = instance?.State?.Name ?? 'unknown';
    if (ENDED.has(state)) {
      const { Code = '', Message = 'no reason was given' } = instance?.StateReason ?? {};
      // EC2 may find only after the launch that it has no room.
      const cause = Object.assign(new Error(Message), { name: Code });
      throw outsideError(
        'INSTANCE_ENDED',
        `Instance ${instanceId} is ${state}: ${Message}.`,
        undefined,
        undefined,
        cause,
      );
    }
    const address = instance?.PublicIpAddress || instance?.PrivateIpAddress;
    return state === 'running' && address ? address : null;
  };
  return waitUntil(`instance ${instanceId} to run`, look, { timeoutMs: RUN_TIMEOUT_MS, intervalMs: 500, signal });
}

/**
 * Waits until an instance is in a state that it was sent to.
 *
 * @throws EcsHostError `INSTANCE_ENDED` (outside) when it is gone, or ends, instead
 */
export async function waitForState(
  clients: AwsClients,
  instanceId: string,
  wanted: 'running' | 'stopped',
  signal: AbortSignal,
): Promise<void> {
  const unknown = new Unknown(UNKNOWN_MS);
  const look = async (): Promise<true | null> => {
    const instance = await describe(clients, instanceId);
    const state = unknown.take(instance) ? 'gone' : (instance?.State?.Name ?? 'unknown');
    if (['gone', 'terminated', 'shutting-down'].includes(state))
      throw outsideError('INSTANCE_ENDED', `Instance ${instanceId} is ${state}.`);
    return state === wanted ? true : null;
  };
  const pace = { timeoutMs: STOP_TIMEOUT_MS, intervalMs: 250, growth: 1.5, maxIntervalMs: 5000 };
  await waitUntil(`instance ${instanceId} to be ${wanted}`, look, { ...pace, signal });
}

/** Orders the end of an instance. @returns whether the API took the order: it may not know the instance yet */
async function order({ ec2 }: AwsClients, instanceId: string): Promise<boolean> {
  try {
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: [instanceId] }));
    return true;
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

/** Resolves when the instance is seen to be terminated, or was unknown for so long that there is none. */
async function end(clients: AwsClients, instanceId: string, unknownMs: number): Promise<void> {
  const unknown = new Unknown(unknownMs);
  let isOrdered = false;
  const look = async (): Promise<true | null> => {
    if (!isOrdered) isOrdered = await order(clients, instanceId);
    const instance = await describe(clients, instanceId);
    return instance?.State?.Name === 'terminated' || unknown.take(instance) ? true : null;
  };
  const pace = { intervalMs: 250, growth: 1.5, maxIntervalMs: 5000 };
  if ((await poll(look, { timeoutMs: TERMINATE_TIMEOUT_MS, ...pace })) === null)
    throw outsideError('TERMINATE_TIMEOUT', `Instance ${instanceId} did not terminate within 5 minutes.`);
}

/**
 * Terminates and waits until all are terminated: their groups and volumes cannot go before. Each by itself, since EC2
 * takes no order at all that names one which it does not know yet.
 */
export async function terminateAndWait(
  clients: AwsClients,
  instanceIds: readonly string[],
  unknownMs: number = UNKNOWN_MS,
): Promise<void> {
  await allEnded(instanceIds.map((instanceId) => end(clients, instanceId, unknownMs)));
}
