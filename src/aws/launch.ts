import {
  type _InstanceType,
  AuthorizeSecurityGroupIngressCommand,
  type BlockDeviceMapping,
  CreateSecurityGroupCommand,
  DeleteSecurityGroupCommand,
  RunInstancesCommand,
  type RunInstancesCommandOutput,
  type Tag,
} from '@aws-sdk/client-ec2';
import { outsideError } from '../io/errors.ts';
import type { AwsClients } from './clients.ts';
import { retryWhileHeld, untilKnown } from './removal.ts';

export type InstanceSpec = {
  readonly imageId: string;
  readonly instanceType: string;
  readonly subnetId: string;
  readonly groupIds: readonly string[];
  /** Name of an instance profile. */
  readonly instanceProfile: string;
  /** Name of a key pair of EC2; without one the user data says who gets in. */
  readonly keyName?: string;
  /** Plain text. */
  readonly userData: string;
  /** What a shutdown from inside does. */
  readonly shutdown: 'stop' | 'terminate';
  /** In place of the image's own root volume. */
  readonly rootVolume?: { readonly deviceName: string; readonly sizeGiB: number };
  /** Made of snapshots beside the root volume, and deleted with the instance. */
  readonly volumes?: readonly { readonly deviceName: string; readonly snapshotId: string }[];
  /** Whether the instance can read its own tags in its metadata. */
  readonly showsTags?: boolean;
  /** Of the instance and its volumes. */
  readonly tags: readonly Tag[];
};

const EBS = { VolumeType: 'gp3', DeleteOnTermination: true } as const;

/** A volume of a snapshot is encrypted as that is, or as the region does it by default. */
function mappings({ rootVolume, volumes = [] }: InstanceSpec): BlockDeviceMapping[] {
  const root = rootVolume === undefined ? [] : [rootVolume];
  return [
    ...root.map(({ deviceName, sizeGiB }) => ({
      DeviceName: deviceName,
      Ebs: { ...EBS, VolumeSize: sizeGiB, Encrypted: true },
    })),
    ...volumes.map(({ deviceName, snapshotId }) => ({
      DeviceName: deviceName,
      Ebs: { ...EBS, SnapshotId: snapshotId },
    })),
  ];
}

/** Image, key pair and group may have been made a moment ago. */
function run({ ec2 }: AwsClients, spec: InstanceSpec): Promise<RunInstancesCommandOutput> {
  const devices = mappings(spec);
  return untilKnown(() =>
    ec2.send(
      new RunInstancesCommand({
        ImageId: spec.imageId,
        InstanceType: spec.instanceType as _InstanceType,
        MinCount: 1,
        MaxCount: 1,
        ...(spec.keyName === undefined ? {} : { KeyName: spec.keyName }),
        SubnetId: spec.subnetId,
        SecurityGroupIds: [...spec.groupIds],
        IamInstanceProfile: { Name: spec.instanceProfile },
        InstanceInitiatedShutdownBehavior: spec.shutdown,
        ...(devices.length === 0 ? {} : { BlockDeviceMappings: devices }),
        MetadataOptions: {
          HttpEndpoint: 'enabled',
          HttpTokens: 'required',
          HttpPutResponseHopLimit: 1,
          ...(spec.showsTags === true ? { InstanceMetadataTags: 'enabled' } : {}),
        },
        UserData: Buffer.from(spec.userData).toString('base64'),
        TagSpecifications: (['instance', 'volume'] as const).map((ResourceType) => ({
          ResourceType,
          Tags: [...spec.tags],
        })),
      }),
    ),
  );
}

/** Launches one instance; its metadata takes tokens only, and no container can reach it. @returns its id */
export async function launchInstance(clients: AwsClients, spec: InstanceSpec): Promise<string> {
  const { Instances = [] } = await run(clients, spec);
  const id = Instances[0]?.InstanceId;
  if (id === undefined) throw outsideError('LAUNCH_INCOMPLETE', 'RunInstances answered without an instance.');
  return id;
}

export type SshGroupSpec = {
  readonly name: string;
  readonly description: string;
  readonly vpcId: string;
  /** From where ssh is let in. */
  readonly cidrs: readonly string[];
  readonly tags: readonly Tag[];
};

/** Lets the caller's addresses in by ssh, on top of what the region's own group opens. */
export async function createSshGroup(
  { ec2 }: AwsClients,
  { name, description, vpcId, cidrs, tags }: SshGroupSpec,
): Promise<{ readonly groupId: string; readonly release: () => Promise<void> }> {
  const { GroupId: groupId = '' } = await ec2.send(
    new CreateSecurityGroupCommand({
      GroupName: name,
      Description: description,
      VpcId: vpcId,
      TagSpecifications: [{ ResourceType: 'security-group', Tags: [...tags] }],
    }),
  );
  const release = (): Promise<void> =>
    retryWhileHeld(() => ec2.send(new DeleteSecurityGroupCommand({ GroupId: groupId })));
  const IpRanges = cidrs.map((CidrIp) => ({ CidrIp, Description: 'ssh' }));
  try {
    await untilKnown(() =>
      ec2.send(
        new AuthorizeSecurityGroupIngressCommand({
          GroupId: groupId,
          IpPermissions: [{ IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges }],
        }),
      ),
    );
  } catch (error) {
    await release();
    throw error;
  }
  return { groupId, release };
}
