import {
  type _InstanceType,
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  DeleteSecurityGroupCommand,
  type ResourceType,
  RunInstancesCommand,
  type TagSpecification,
} from '@aws-sdk/client-ec2';
import { CreateClusterCommand } from '@aws-sdk/client-ecs';
import type { AwsClients } from '../aws/clients.ts';
import { deleteCluster } from '../aws/clusters.ts';
import { terminateAndWait } from '../aws/instances.ts';
import { type KeyPair, createKeyPair as makeKeyPair } from '../aws/key-pairs.ts';
import { retryWhileHeld } from '../aws/removal.ts';
import { outsideError } from '../io/errors.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import { ownerName } from '../run/owner.ts';
import { ec2Tags, ecsTags, runTags } from '../run/tags.ts';

export type LaunchInput = {
  readonly plan: BuildPlan;
  readonly imageId: string;
  readonly runId: string;
  readonly clients: AwsClients;
  readonly signal: AbortSignal;
};

/** What undoes an acquisition; called once, in reverse order. */
export type Release = () => Promise<void>;

function nameOf(runId: string): string {
  return `ecs-host-smoke-${runId}`;
}

function tagsOf(runId: string): Record<string, string> {
  return { Name: nameOf(runId), ...runTags({ runId, owner: ownerName(), kind: 'smoke' }) };
}

function tagSpecification(runId: string, ...types: ResourceType[]): TagSpecification[] {
  return types.map((ResourceType) => ({ ResourceType, Tags: ec2Tags(tagsOf(runId)) }));
}

export function createKeyPair({ clients, runId }: LaunchInput, folder: string): Promise<KeyPair> {
  return makeKeyPair(clients, nameOf(runId), folder, ec2Tags(tagsOf(runId)));
}

/** Lets the caller's addresses in by ssh, on top of what the region's own group opens. */
export async function createSshGroup({
  clients,
  plan,
  runId,
}: LaunchInput): Promise<{ readonly groupId: string; readonly release: Release }> {
  const { GroupId: groupId = '' } = await clients.ec2.send(
    new CreateSecurityGroupCommand({
      GroupName: nameOf(runId),
      Description: 'ssh for a smoke run of ecs-host, removed with it',
      VpcId: plan.network.vpcId,
      TagSpecifications: tagSpecification(runId, 'security-group'),
    }),
  );
  const release = (): Promise<void> =>
    retryWhileHeld(() => clients.ec2.send(new DeleteSecurityGroupCommand({ GroupId: groupId })));
  try {
    await clients.ec2.send(
      new AuthorizeSecurityGroupIngressCommand({
        GroupId: groupId,
        IpPermissions: [
          {
            IpProtocol: 'tcp',
            FromPort: 22,
            ToPort: 22,
            IpRanges: plan.network.sshSourceCidrs.map((CidrIp) => ({ CidrIp, Description: 'smoke run' })),
          },
        ],
      }),
    );
  } catch (error) {
    await release();
    throw error;
  }
  return { groupId, release };
}

export async function createCluster({
  clients,
  runId,
}: LaunchInput): Promise<{ readonly cluster: string; readonly release: Release }> {
  const cluster = nameOf(runId);
  await clients.ecs.send(new CreateClusterCommand({ clusterName: cluster, tags: ecsTags(tagsOf(runId)) }));
  return { cluster, release: () => deleteCluster(clients, cluster) };
}

export type Wanted = {
  readonly count: number;
  readonly keyName: string;
  readonly groupIds: readonly string[];
  readonly userData: string;
};

/** Launches one as hosts of this region are launched; it is terminated, not stopped, when something shuts it down. */
async function launchOne({ clients, plan, imageId, runId }: LaunchInput, wanted: Wanted): Promise<string> {
  const { Instances = [] } = await clients.ec2.send(
    new RunInstancesCommand({
      ImageId: imageId,
      InstanceType: plan.instanceType as _InstanceType,
      MinCount: 1,
      MaxCount: 1,
      KeyName: wanted.keyName,
      SubnetId: plan.network.subnetId,
      SecurityGroupIds: [plan.network.securityGroup.id, ...wanted.groupIds],
      IamInstanceProfile: { Name: plan.instanceProfile },
      InstanceInitiatedShutdownBehavior: 'terminate',
      MetadataOptions: { HttpEndpoint: 'enabled', HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
      UserData: Buffer.from(wanted.userData).toString('base64'),
      TagSpecifications: tagSpecification(runId, 'instance', 'volume'),
    }),
  );
  const id = Instances[0]?.InstanceId;
  if (id === undefined) throw outsideError('LAUNCH_INCOMPLETE', 'RunInstances answered without an instance.');
  return id;
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
    await release();
    throw failed.reason;
  }
  return { instanceIds, release };
}
