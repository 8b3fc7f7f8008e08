import { setTimeout as sleep } from 'node:timers/promises';
import {
  DeleteKeyPairCommand,
  DeleteSecurityGroupCommand,
  DeleteSnapshotCommand,
  DeleteVolumeCommand,
  DeregisterImageCommand,
  DescribeInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import {
  DeleteClusterCommand,
  DeregisterContainerInstanceCommand,
  paginateListContainerInstances,
} from '@aws-sdk/client-ecs';
import type { AwsClients } from '../../aws/clients.ts';
import { outsideError } from '../../io/errors.ts';
import { type Leftover, REMOVAL_ORDER, type ResourceKind } from './select.ts';

export type Removal = Leftover & { readonly outcome: 'removed' | 'failed'; readonly error?: string };

/** Names that the API gives to "it is not there (any more)". */
const GONE = /NotFound|InvalidKeyPair|ClusterNotFound|InvalidAMIID\.Unavailable/;
/** A group, volume or snapshot that something not yet quite gone still holds. */
const STILL_HELD = /DependencyViolation|VolumeInUse|IncorrectState|InvalidSnapshot\.InUse|ClusterContains/;
const HELD_ATTEMPTS = 20;
const HELD_WAIT_MS = 3000;
const TERMINATE_TIMEOUT_MS = 5 * 60_000;

function errorName(error: unknown): string {
  return error instanceof Error ? error.name : String(error);
}

/** Terminates and waits until all are terminated: their groups and volumes cannot go before. */
export async function terminateAndWait(
  { ec2 }: AwsClients,
  instanceIds: readonly string[],
  timeoutMs = TERMINATE_TIMEOUT_MS,
): Promise<void> {
  if (instanceIds.length === 0) return;
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [...instanceIds] }));
  const until = performance.now() + timeoutMs;
  for (let waitMs = 250; ; waitMs = Math.min(waitMs * 1.5, 5000)) {
    const answer = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [...instanceIds] }));
    const states = (answer.Reservations ?? []).flatMap((r) => (r.Instances ?? []).map((i) => i.State?.Name));
    if (states.every((state) => state === 'terminated')) return;
    if (performance.now() > until) {
      throw outsideError(
        'TERMINATE_TIMEOUT',
        `Instances ${instanceIds.join(', ')} did not terminate within 5 minutes.`,
      );
    }
    await sleep(waitMs);
  }
}

async function registeredIn({ ecs }: AwsClients, cluster: string): Promise<string[]> {
  const arns: string[] = [];
  for await (const page of paginateListContainerInstances({ client: ecs }, { cluster }))
    arns.push(...(page.containerInstanceArns ?? []));
  return arns;
}

/** Deregisters what is still registered and deletes the cluster. */
export async function deleteCluster(clients: AwsClients, cluster: string): Promise<void> {
  const { ecs } = clients;
  for (const containerInstance of await registeredIn(clients, cluster)) {
    try {
      await ecs.send(new DeregisterContainerInstanceCommand({ cluster, containerInstance, force: true }));
    } catch (error) {
      // ECS deregisters those whose instance has ended by itself, maybe a moment ago.
      if ((await registeredIn(clients, cluster)).includes(containerInstance)) throw error;
    }
  }
  await ecs.send(new DeleteClusterCommand({ cluster }));
}

const removers: Readonly<Record<ResourceKind, (clients: AwsClients, id: string) => Promise<unknown>>> = {
  instance: (clients, id) => terminateAndWait(clients, [id]),
  cluster: (clients, id) => deleteCluster(clients, id),
  'security group': ({ ec2 }, GroupId) => ec2.send(new DeleteSecurityGroupCommand({ GroupId })),
  'key pair': ({ ec2 }, KeyName) => ec2.send(new DeleteKeyPairCommand({ KeyName })),
  volume: ({ ec2 }, VolumeId) => ec2.send(new DeleteVolumeCommand({ VolumeId })),
  image: ({ ec2 }, ImageId) => ec2.send(new DeregisterImageCommand({ ImageId })),
  snapshot: ({ ec2 }, SnapshotId) => ec2.send(new DeleteSnapshotCommand({ SnapshotId })),
};

/** Tries again while something that is not quite gone yet holds the resource; that it is gone already is success. */
export async function retryWhileHeld(remove: () => Promise<unknown>, waitMs: number = HELD_WAIT_MS): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await remove();
      return;
    } catch (error) {
      const name = errorName(error);
      if (GONE.test(name)) return;
      if (!STILL_HELD.test(name) || attempt >= HELD_ATTEMPTS) throw error;
      await sleep(waitMs);
    }
  }
}

async function removeOne(clients: AwsClients, leftover: Leftover, waitMs: number): Promise<Removal> {
  try {
    await retryWhileHeld(() => removers[leftover.kind](clients, leftover.id), waitMs);
    return { ...leftover, outcome: 'removed' };
  } catch (error) {
    return {
      ...leftover,
      outcome: 'failed',
      error: String(error),
    };
  }
}

/**
 * Removes what was selected, kind by kind in the order of removal, and waits for each. What is already gone is no failure, so applying
 * twice is harmless; one failure does not keep the others from being removed.
 */
export async function applyRemovals(
  clients: AwsClients,
  leftovers: readonly Leftover[],
  onRemoval: (removal: Removal) => void,
  heldWaitMs: number = HELD_WAIT_MS,
): Promise<Removal[]> {
  const removals: Removal[] = [];
  for (const kind of REMOVAL_ORDER) {
    const done = await Promise.all(
      leftovers
        .filter((leftover) => leftover.kind === kind)
        .map(async (leftover) => {
          const removal = await removeOne(clients, leftover, heldWaitMs);
          onRemoval(removal);
          return removal;
        }),
    );
    removals.push(...done);
  }
  return removals;
}
