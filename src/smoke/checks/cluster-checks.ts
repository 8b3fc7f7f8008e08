import { DescribeContainerInstancesCommand, paginateListContainerInstances } from '@aws-sdk/client-ecs';
import type { AwsClients } from '../../aws/clients.ts';
import { poll, waitUntil } from '../../io/wait-until.ts';
import type { TimeLimits } from '../../run/time-limits.ts';
import type { CheckBook } from './check-book.ts';

export type Registration = {
  readonly arn: string;
  readonly status: string;
  readonly isAgentConnected: boolean;
  readonly gpus: readonly string[];
};

/** The container instance that an EC2 instance is in the cluster, or null. */
export async function findRegistration(
  { ecs }: AwsClients,
  cluster: string,
  instanceId: string,
): Promise<Registration | null> {
  for await (const page of paginateListContainerInstances({ client: ecs }, { cluster })) {
    const arns = page.containerInstanceArns ?? [];
    if (arns.length === 0) continue;
    const answer = await ecs.send(new DescribeContainerInstancesCommand({ cluster, containerInstances: arns }));
    const found = answer.containerInstances?.find(({ ec2InstanceId }) => ec2InstanceId === instanceId);
    if (found?.containerInstanceArn) {
      return {
        arn: found.containerInstanceArn,
        status: found.status ?? 'unknown',
        isAgentConnected: found.agentConnected ?? false,
        gpus: found.registeredResources?.find(({ name }) => name === 'GPU')?.stringSetValue ?? [],
      };
    }
  }
  return null;
}

/** Waits for the registration, then for its agent's connection, and records what there is in the end. */
export async function checkRegistered(
  clients: AwsClients,
  where: { readonly cluster: string; readonly instanceId: string; readonly checkId: string },
  book: CheckBook,
  { limits, signal }: { readonly limits: TimeLimits; readonly signal: AbortSignal },
): Promise<Registration> {
  const startedAt = performance.now();
  const find = (): Promise<Registration | null> => findRegistration(clients, where.cluster, where.instanceId);
  const registered = await waitUntil(`instance ${where.instanceId} to register in cluster ${where.cluster}`, find, {
    timeoutMs: limits.registerMs,
    intervalMs: 500,
    signal,
  });
  const findConnected = async (): Promise<Registration | null> => {
    const now = await find();
    return now?.isAgentConnected ? now : null;
  };
  const connected = registered.isAgentConnected
    ? registered
    : await poll(findConnected, { timeoutMs: limits.connectMs, intervalMs: 250, signal });
  const registration = connected ?? (await find()) ?? registered;
  book.record(where.checkId, {
    actual: `${registration.status} (agent ${registration.isAgentConnected ? 'connected' : 'not connected'})`,
    isCorrect: registration.status === 'ACTIVE' && registration.isAgentConnected,
    durationMs: performance.now() - startedAt,
  });
  return registration;
}

export function checkDistinct(first: Registration, second: Registration, book: CheckBook): void {
  book.record('cluster.distinct', {
    actual: first.arn === second.arn ? `both are ${first.arn}` : 'two different ARNs',
    isCorrect: first.arn !== second.arn,
  });
}

export function checkClusterGpu(registration: Registration, book: CheckBook): void {
  book.record('cluster.gpu-registered', {
    actual: `${registration.gpus.length} GPU(s)`,
    isCorrect: registration.gpus.length > 0,
  });
}
