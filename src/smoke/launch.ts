import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type _InstanceType,
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  DeleteKeyPairCommand,
  DeleteSecurityGroupCommand,
  DescribeInstancesCommand,
  ImportKeyPairCommand,
  type ResourceType,
  RunInstancesCommand,
  type TagSpecification,
} from '@aws-sdk/client-ec2';
import { CreateClusterCommand } from '@aws-sdk/client-ecs';
import { execa } from 'execa';
import type { AwsClients } from '../aws/clients.ts';
import { outsideError } from '../io/errors.ts';
import { waitUntil } from '../io/wait-until.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import { ownerName } from '../run/owner.ts';
import { deleteCluster, retryWhileHeld, terminateAndWait } from '../run/sweep/apply.ts';
import { KIND_TAG, OWNER_TAG, RUN_ID_TAG } from '../run/sweep/inventory.ts';

export type LaunchInput = {
  readonly plan: BuildPlan;
  readonly imageId: string;
  readonly runId: string;
  readonly clients: AwsClients;
  readonly signal: AbortSignal;
};

export type Launched = { readonly instanceId: string; readonly address: string };

/** What undoes an acquisition; called once, in reverse order. */
export type Release = () => Promise<void>;

function nameOf(runId: string): string {
  return `ecs-host-smoke-${runId}`;
}

function runTags(runId: string): Record<string, string> {
  return {
    Name: nameOf(runId),
    [RUN_ID_TAG]: runId,
    [OWNER_TAG]: ownerName(),
    [KIND_TAG]: 'smoke',
  };
}

function tagSpecification(runId: string, ...types: ResourceType[]): TagSpecification[] {
  return types.map((ResourceType) => ({
    ResourceType,
    Tags: Object.entries(runTags(runId)).map(([Key, Value]) => ({ Key, Value })),
  }));
}

/** A key pair that lives as long as the run; the private half never leaves the folder. */
export async function createKeyPair(
  { clients, runId }: LaunchInput,
  folder: string,
): Promise<{ readonly keyName: string; readonly keyFile: string; readonly release: Release }> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const keyFile = join(folder, 'id_ed25519');
  await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', nameOf(runId), '-f', keyFile], { stdin: 'ignore' });
  await chmod(keyFile, 0o600);
  const PublicKeyMaterial = await readFile(`${keyFile}.pub`);
  const keyName = nameOf(runId);
  await clients.ec2.send(
    new ImportKeyPairCommand({
      KeyName: keyName,
      PublicKeyMaterial,
      TagSpecifications: tagSpecification(runId, 'key-pair'),
    }),
  );
  return {
    keyName,
    keyFile,
    release: async () => {
      await clients.ec2.send(new DeleteKeyPairCommand({ KeyName: keyName }));
    },
  };
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
  await clients.ecs.send(
    new CreateClusterCommand({
      clusterName: cluster,
      tags: Object.entries(runTags(runId)).map(([key, value]) => ({ key, value })),
    }),
  );
  return { cluster, release: () => deleteCluster(clients, cluster) };
}

/**
 * Launches as hosts of this region are launched; the instances are terminated, not stopped, when something shuts them down. One call for
 * each: moto gives the instance profile only to the first instance of a call.
 */
export async function launchInstances(
  input: LaunchInput,
  wanted: {
    readonly count: number;
    readonly keyName: string;
    readonly groupIds: readonly string[];
    readonly userData: string;
  },
): Promise<{ readonly instanceIds: readonly string[]; readonly release: Release }> {
  const { clients, plan, imageId, runId } = input;
  const launchOne = async (): Promise<string> => {
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
  };
  const launches = await Promise.allSettled(Array.from({ length: wanted.count }, launchOne));
  const instanceIds = launches.flatMap((launch) => (launch.status === 'fulfilled' ? [launch.value] : []));
  const release = (): Promise<void> => terminateAndWait(clients, instanceIds);
  const failed = launches.find((launch) => launch.status === 'rejected');
  if (failed) {
    await release();
    throw failed.reason;
  }
  return { instanceIds, release };
}

/** Waits until the instance runs and has an address that is reachable from here. */
export function waitForAddress({ clients, signal }: LaunchInput, instanceId: string): Promise<Launched> {
  return waitUntil(
    `instance ${instanceId} to run`,
    async () => {
      const answer = await clients.ec2.send(new DescribeInstancesCommand({ InstanceIds: [instanceId] }));
      const instance = answer.Reservations?.[0]?.Instances?.[0];
      const state = instance?.State?.Name;
      if (state === 'terminated' || state === 'shutting-down' || state === 'stopped') {
        throw outsideError(
          'INSTANCE_ENDED',
          `Instance ${instanceId} is ${state}: ${instance?.StateReason?.Message ?? 'no reason was given'}.`,
        );
      }
      const address = instance?.PublicIpAddress || instance?.PrivateIpAddress;
      return state === 'running' && address ? { instanceId, address } : null;
    },
    { timeoutMs: 300_000, intervalMs: 500, signal },
  );
}
