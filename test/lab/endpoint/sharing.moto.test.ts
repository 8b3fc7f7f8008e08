import {
  DescribeImageAttributeCommand,
  DescribeSnapshotAttributeCommand,
  type EC2Client,
  ModifyImageAttributeCommand,
  ModifySnapshotAttributeCommand,
  ResetImageAttributeCommand,
  ResetSnapshotAttributeCommand,
} from '@aws-sdk/client-ec2';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sharedTempFolder } from '../../support/temp-folder.ts';
import { motoIsInstalled, startEndpoint } from './endpoint-with-moto.ts';
import { copyImage, snapshotOf } from './own-image.ts';

const ORGANIZATION = 'arn:aws:organizations::123456789012:organization/o-abcdefghij';
const UNIT = 'arn:aws:organizations::123456789012:ou/o-abcdefghij/ou-ab12-abcdefgh';

const CREDENTIALS = { accessKeyId: 'lab', secretAccessKey: 'lab' };

describe.skipIf(!motoIsInstalled)('sharing images and snapshots', () => {
  let lab: Awaited<ReturnType<typeof startEndpoint>>;
  const folder = sharedTempFolder();
  let ec2: EC2Client;
  let base: string;
  beforeAll(async () => {
    lab = await startEndpoint(folder);
    ec2 = lab.ec2();
    base = lab.baseImages['us-west-2'] ?? '';
  });
  afterAll(() => lab?.stop());

  const permissions = async (ImageId: string) =>
    (await ec2.send(new DescribeImageAttributeCommand({ ImageId, Attribute: 'launchPermission' }))).LaunchPermissions;
  const volumePermissions = async (SnapshotId: string) =>
    (await ec2.send(new DescribeSnapshotAttributeCommand({ SnapshotId, Attribute: 'createVolumePermission' })))
      .CreateVolumePermissions;

  test('an image is shared with accounts, an organization and a unit, in both forms, and taken back', async () => {
    const { ImageId = '' } = await copyImage(ec2, base, { Name: 'shared' });
    expect(await permissions(ImageId)).toEqual([]);
    const LaunchPermission = { Add: [{ UserId: '111122223333' }, { OrganizationArn: ORGANIZATION }] };
    await ec2.send(new ModifyImageAttributeCommand({ ImageId, LaunchPermission }));
    await ec2.send(
      new ModifyImageAttributeCommand({
        ImageId,
        Attribute: 'launchPermission',
        OperationType: 'add',
        UserIds: ['111122223333', '444455556666'],
        OrganizationalUnitArns: [UNIT],
      }),
    );
    expect(await permissions(ImageId)).toEqual([
      { UserId: '111122223333' },
      { OrganizationArn: ORGANIZATION },
      { UserId: '444455556666' },
      { OrganizationalUnitArn: UNIT },
    ]);
    const Remove = [{ UserId: '444455556666' }, { UserId: '999999999999' }];
    await ec2.send(new ModifyImageAttributeCommand({ ImageId, LaunchPermission: { Remove } }));
    expect(await permissions(ImageId)).toHaveLength(3);
    await ec2.send(new ResetImageAttributeCommand({ ImageId, Attribute: 'launchPermission' }));
    expect(await permissions(ImageId)).toEqual([]);
  });

  test('a target that is none is refused, and so is the image of somebody else', async () => {
    const { ImageId = '' } = await copyImage(ec2, base, { Name: 'misshared' });
    for (const target of [{ UserId: '1234' }, { OrganizationArn: 'arn:aws:iam::1:role/x' }])
      await expect(
        ec2.send(new ModifyImageAttributeCommand({ ImageId, LaunchPermission: { Add: [target] } })),
      ).rejects.toMatchObject({ name: 'InvalidAMIAttributeItemValue' });
    expect(await permissions(ImageId)).toEqual([]);
    const LaunchPermission = { Add: [{ UserId: '111122223333' }] };
    await expect(ec2.send(new ModifyImageAttributeCommand({ ImageId: base, LaunchPermission }))).rejects.toMatchObject({
      name: 'AuthFailure',
    });
  });

  test('with the key of AWS neither image nor snapshot is shared; with a key of their own both are', async () => {
    const kms = new KMSClient({ region: 'us-west-2', endpoint: lab.url, credentials: CREDENTIALS });
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    kms.destroy();
    const managed = await copyImage(ec2, base, { Name: 'managed-key', Encrypted: true });
    const own = await copyImage(ec2, base, { Name: 'own-key', Encrypted: true, KmsKeyId: KeyMetadata?.KeyId });
    const share = { Add: [{ UserId: '111122223333' }] };
    const shareImage = (ImageId?: string) =>
      ec2.send(new ModifyImageAttributeCommand({ ImageId, LaunchPermission: share }));
    const shareSnapshot = (SnapshotId: string) =>
      ec2.send(new ModifySnapshotAttributeCommand({ SnapshotId, CreateVolumePermission: share }));
    await expect(shareImage(managed.ImageId)).rejects.toMatchObject({
      name: 'InvalidParameter',
      message: expect.stringContaining("AWS Managed CMK can't be shared"),
    });
    await expect(shareSnapshot(snapshotOf(managed))).rejects.toMatchObject({
      name: 'OperationNotPermitted',
      message: expect.stringContaining('EBS default key'),
    });
    await shareImage(own.ImageId);
    await shareSnapshot(snapshotOf(own));
    expect(await permissions(own.ImageId ?? '')).toEqual([{ UserId: '111122223333' }]);
    expect(await volumePermissions(snapshotOf(own))).toEqual([{ UserId: '111122223333' }]);
    const all = { Add: [{ Group: 'all' as const }] };
    await expect(
      ec2.send(new ModifyImageAttributeCommand({ ImageId: own.ImageId, LaunchPermission: all })),
    ).rejects.toMatchObject({ name: 'InvalidParameter' });
  });

  test('permissions of a snapshot are added, removed and reset', async () => {
    const SnapshotId = snapshotOf(await copyImage(ec2, base, { Name: 'snapshot-shared' }));
    const Attribute = 'createVolumePermission' as const;
    await ec2.send(
      new ModifySnapshotAttributeCommand({
        SnapshotId,
        Attribute,
        OperationType: 'add',
        UserIds: ['444455556666', '111122223333'],
      }),
    );
    const Remove = [{ UserId: '444455556666' }];
    await ec2.send(new ModifySnapshotAttributeCommand({ SnapshotId, CreateVolumePermission: { Remove } }));
    expect(await volumePermissions(SnapshotId)).toEqual([{ UserId: '111122223333' }]);
    await ec2.send(new ResetSnapshotAttributeCommand({ SnapshotId, Attribute }));
    expect(await volumePermissions(SnapshotId)).toEqual([]);
  });
});
