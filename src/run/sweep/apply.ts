import {
  DeleteKeyPairCommand,
  DeleteSecurityGroupCommand,
  DeleteSnapshotCommand,
  DeleteVolumeCommand,
  DeregisterImageCommand,
} from '@aws-sdk/client-ec2';
import type { AwsClients } from '../../aws/clients.ts';
import { deleteCluster } from '../../aws/clusters.ts';
import { terminateAndWait } from '../../aws/instances.ts';
import { HELD_PAUSE_MS, retryWhileHeld } from '../../aws/removal.ts';
import { deleteTaskDefinition } from '../../aws/task-definitions.ts';
import { type Leftover, REMOVAL_ORDER, type ResourceKind } from './select.ts';

export type Removal = Leftover & { readonly outcome: 'removed' | 'failed'; readonly error?: string };

const removers: Readonly<Record<ResourceKind, (clients: AwsClients, id: string) => Promise<unknown>>> = {
  instance: (clients, id) => terminateAndWait(clients, [id]),
  cluster: (clients, id) => deleteCluster(clients, id),
  'task definition': (clients, id) => deleteTaskDefinition(clients, id),
  'security group': ({ ec2 }, GroupId) => ec2.send(new DeleteSecurityGroupCommand({ GroupId })),
  'key pair': ({ ec2 }, KeyName) => ec2.send(new DeleteKeyPairCommand({ KeyName })),
  volume: ({ ec2 }, VolumeId) => ec2.send(new DeleteVolumeCommand({ VolumeId })),
  image: ({ ec2 }, ImageId) => ec2.send(new DeregisterImageCommand({ ImageId })),
  snapshot: ({ ec2 }, SnapshotId) => ec2.send(new DeleteSnapshotCommand({ SnapshotId })),
};

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
 * Removes what was selected, kind by kind in the order of removal, and waits for each. What is already gone is no
 * failure, so applying twice is harmless; one failure does not keep the others from being removed.
 */
export async function applyRemovals(
  clients: AwsClients,
  leftovers: readonly Leftover[],
  onRemoval: (removal: Removal) => void,
  heldWaitMs: number = HELD_PAUSE_MS,
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
