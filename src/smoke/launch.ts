import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type _InstanceType,
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  DeleteKeyPairCommand,
  DeleteSecurityGroupCommand,
  ImportKeyPairCommand,
  type ResourceType,
  RunInstancesCommand,
  type TagSpecification,
} from '@aws-sdk/client-ec2';
import { CreateClusterCommand } from '@aws-sdk/client-ecs';
import { execa } from 'execa';
import type { AwsClients } from '../aws/clients.ts';
import { deleteCluster } from '../aws/clusters.ts';
import { terminateAndWait } from '../aws/instances.ts';
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
