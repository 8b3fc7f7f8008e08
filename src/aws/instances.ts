import { DescribeInstancesCommand, type Instance, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import { outsideError } from '../io/errors.ts';
import { poll, waitUntil } from '../io/wait-until.ts';
import type { AwsClients } from './clients.ts';
import { isGone } from './removal.ts';

/*
 * Why not waitUntilInstanceRunning and waitUntilInstanceTerminated of the SDK: they take every refusal of the API for
 * "not yet" and so wait out a missing permission; the second takes `stopping` for a failure, which an instance may
 * still be said to be right after it was terminated; and neither says why an instance ended. (docs/decisions/0112)
 */

const RUN_TIMEOUT_MS = 5 * 60_000;
const STOP_TIMEOUT_MS = 10 * 60_000;
const TERMINATE_TIMEOUT_MS = 5 * 60_000;
const ENDED: ReadonlySet<string> = new Set(['terminated', 'shutting-down', 'stopped']);

async function describe({ ec2 }: AwsClients, instanceIds: readonly string[]): Promise<Instance[]> {
  const answer = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [...instanceIds] }));
  return (answer.Reservations ?? []).flatMap(({ Instances = [] }) => Instances);
}

/** What the API knows of an instance that was just made: it may take a moment until it knows it everywhere. */
async function describeNew(clients: AwsClients, instanceId: string): Promise<Instance | null> {
  try {
    return (await describe(clients, [instanceId]))[0] ?? null;
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

/**
 * Waits until a new instance runs and has an address.
 *
 * @throws EcsHostError `INSTANCE_ENDED` (outside) as soon as it is clear that it never will
 */
export function waitForAddress(clients: AwsClients, instanceId: string, signal: AbortSignal): Promise<string> {
  const look = async (): Promise<string | null> => {
    const instance = await describeNew(clients, instanceId);
    const state = instance?.State?.Name ?? 'unknown';
    if (ENDED.has(state)) {
      const why = instance?.StateReason?.Message ?? 'no reason was given';
      throw outsideError('INSTANCE_ENDED', `Instance ${instanceId} is ${state}: ${why}.`);
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
  const look = async (): Promise<true | null> => {
    const state = (await describeNew(clients, instanceId))?.State?.Name ?? 'gone';
    if (['gone', 'terminated', 'shutting-down'].includes(state))
      throw outsideError('INSTANCE_ENDED', `Instance ${instanceId} is ${state}.`);
    return state === wanted ? true : null;
  };
  const pace = { timeoutMs: STOP_TIMEOUT_MS, intervalMs: 250, growth: 1.5, maxIntervalMs: 5000 };
  await waitUntil(`instance ${instanceId} to be ${wanted}`, look, { ...pace, signal });
}

/** Terminates and waits until all are terminated: their groups and volumes cannot go before. */
export async function terminateAndWait(clients: AwsClients, instanceIds: readonly string[]): Promise<void> {
  if (instanceIds.length === 0) return;
  await clients.ec2.send(new TerminateInstancesCommand({ InstanceIds: [...instanceIds] }));
  const areAllEnded = async (): Promise<true | null> => {
    const instances = await describe(clients, instanceIds);
    return instances.every(({ State }) => State?.Name === 'terminated') ? true : null;
  };
  const pace = { intervalMs: 250, growth: 1.5, maxIntervalMs: 5000 };
  if ((await poll(areAllEnded, { timeoutMs: TERMINATE_TIMEOUT_MS, ...pace })) === null)
    throw outsideError('TERMINATE_TIMEOUT', `Instances ${instanceIds.join(', ')} did not terminate within 5 minutes.`);
}
