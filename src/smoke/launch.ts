import type { Tag } from '@aws-sdk/client-ec2';
import { CreateClusterCommand } from '@aws-sdk/client-ecs';
import type { AwsClients } from '../aws/clients.ts';
import { deleteCluster } from '../aws/clusters.ts';
import { terminateAndWait } from '../aws/instances.ts';
import { type KeyPair, createKeyPair as makeKeyPair } from '../aws/key-pairs.ts';
import { launchInstance, createSshGroup as makeSshGroup } from '../aws/launch.ts';
import { retryWhileHeld } from '../aws/removal.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import type { Placement } from '../plan/placement.ts';
import { ownerName } from '../run/owner.ts';
import type { Release } from '../run/releases.ts';
import { ec2Tags, ecsTags, machineTags, runTags, SMOKE_PREFIX } from '../run/tags.ts';

export type LaunchInput = {
  readonly plan: BuildPlan;
  readonly imageId: string;
  readonly runId: string;
  readonly clients: AwsClients;
  readonly signal: AbortSignal;
};

export function nameOf(runId: string): string {
  return `${SMOKE_PREFIX}${runId}`;
}

export function tagsOf(runId: string): Record<string, string> {
  return { Name: nameOf(runId), ...runTags({ runId, owner: ownerName(), kind: 'smoke' }) };
}

function ec2TagsOf(runId: string): Tag[] {
  return ec2Tags(tagsOf(runId));
}

export function createKeyPair({ clients, runId }: LaunchInput, folder: string): Promise<KeyPair> {
  return makeKeyPair(clients, nameOf(runId), folder, ec2TagsOf(runId));
}

export function createSshGroup({
  clients,
  plan,
  runId,
}: LaunchInput): Promise<{ readonly groupId: string; readonly release: Release }> {
  return makeSshGroup(clients, {
    name: nameOf(runId),
    description: 'ssh for a smoke run of ecs-host, removed with it',
    vpcId: plan.network.vpcId,
    cidrs: plan.network.sshSourceCidrs,
    tags: ec2TagsOf(runId),
  });
}

export async function createCluster({
  clients,
  runId,
}: LaunchInput): Promise<{ readonly cluster: string; readonly release: Release }> {
  const cluster = nameOf(runId);
  await clients.ecs.send(new CreateClusterCommand({ clusterName: cluster, tags: ecsTags(tagsOf(runId)) }));
  // A service that was deleted holds its cluster until its task has ended.
  return { cluster, release: () => retryWhileHeld(() => deleteCluster(clients, cluster)) };
}

export type Wanted = {
  readonly count: number;
  readonly keyName: string;
  readonly groupIds: readonly string[];
  readonly userData: string;
  readonly placement: Placement;
};

/** Launches one as hosts of this region are launched; it is terminated, not stopped, when something shuts it down. */
function launchOne({ clients, plan, imageId, runId }: LaunchInput, wanted: Wanted): Promise<string> {
  return launchInstance(clients, {
    imageId,
    instanceType: wanted.placement.instanceType,
    subnetId: wanted.placement.subnetId,
    groupIds: [plan.network.securityGroup.id, ...wanted.groupIds],
    instanceProfile: plan.instanceProfile,
    keyName: wanted.keyName,
    userData: wanted.userData,
    shutdown: 'terminate',
    tags: ec2Tags({ ...tagsOf(runId), ...machineTags(plan) }),
  });
}

/** One call for each instance: moto gives the instance profile only to the first instance of a call. */
export async function launchInstances(
  input: LaunchInput,
  wanted: Wanted,
): Promise<{ readonly instanceIds: readonly string[]; readonly release: Release }> {
  const launches = await Promise.allSettled(Array.from({ length: wanted.count }, () => launchOne(input, wanted)));
  const instanceIds = launches.flatMap((launch) => (launch.status === 'fulfilled' ? [launch.value] : []));
  const release = (): Promise<void> => terminateAndWait(input.clients, instanceIds);
  const failed = launches.find((launch) => launch.status === 'rejected');
  if (failed) {
    // What is not released now the run's own sweep finds; why the launch failed is what has to be said.
    await release().catch(() => undefined);
    throw failed.reason;
  }
  return { instanceIds, release };
}
