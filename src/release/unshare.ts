import {
  DescribeImageAttributeCommand,
  DescribeSnapshotAttributeCommand,
  type EC2Client,
  type LaunchPermission,
  ModifyImageAttributeCommand,
  ModifySnapshotAttributeCommand,
} from '@aws-sdk/client-ec2';

/** Pure: with whom an image is shared, for people. */
export function granteeOf(permission: LaunchPermission): string {
  const { UserId, OrganizationArn, OrganizationalUnitArn } = permission;
  return UserId ?? OrganizationArn ?? OrganizationalUnitArn ?? 'everybody';
}

/**
 * Takes away every launch permission of an image.
 *
 * @returns whose they were; nothing was changed where there were none
 */
export async function unshareImage(ec2: EC2Client, ImageId: string): Promise<string[]> {
  const { LaunchPermissions = [] } = await ec2.send(
    new DescribeImageAttributeCommand({ ImageId, Attribute: 'launchPermission' }),
  );
  if (LaunchPermissions.length > 0)
    await ec2.send(new ModifyImageAttributeCommand({ ImageId, LaunchPermission: { Remove: LaunchPermissions } }));
  return LaunchPermissions.map(granteeOf);
}

/** The same for who may make volumes of a snapshot. */
export async function unshareSnapshot(ec2: EC2Client, SnapshotId: string): Promise<string[]> {
  const { CreateVolumePermissions = [] } = await ec2.send(
    new DescribeSnapshotAttributeCommand({ SnapshotId, Attribute: 'createVolumePermission' }),
  );
  if (CreateVolumePermissions.length > 0)
    await ec2.send(
      new ModifySnapshotAttributeCommand({
        SnapshotId,
        Attribute: 'createVolumePermission',
        CreateVolumePermission: { Remove: CreateVolumePermissions },
      }),
    );
  return CreateVolumePermissions.map(({ UserId }) => UserId ?? 'everybody');
}
