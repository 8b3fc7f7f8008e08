import { DescribeImagesCommand, DescribeVolumesCommand } from '@aws-sdk/client-ec2';
import type { AwsClients } from '../aws/clients.ts';
import { BLOCK_BYTES } from '../aws/snapshot-blocks.ts';
import { findImage } from '../image/find-image.ts';
import { outsideError } from '../io/errors.ts';
import type { BuildPlan } from '../plan/build-plan.ts';

/** The name under which the volume is attached; a Xen instance shows it as /dev/xvdf. */
export const AUDITED_DEVICE = '/dev/sdf';

export type ImageDisks = {
  readonly rootSnapshot: string;
  /** Names of other volumes: each would be attached to every host, and nobody looks at them. */
  readonly others: readonly string[];
};

/** @throws EcsHostError (outside) `AUDIT_FAILED` */
export async function imageDisks(clients: AwsClients, imageId: string): Promise<ImageDisks> {
  const { RootDeviceName, BlockDeviceMappings = [] } = (await findImage(clients, imageId)) ?? {};
  const rootSnapshot = BlockDeviceMappings.find(({ DeviceName }) => DeviceName === RootDeviceName)?.Ebs?.SnapshotId;
  if (rootSnapshot === undefined)
    throw outsideError('AUDIT_FAILED', `Image ${imageId} has no snapshot of its root volume that could be read.`);
  const others = BlockDeviceMappings.filter(
    ({ DeviceName, Ebs }) => DeviceName !== RootDeviceName && Ebs !== undefined,
  );
  return { rootSnapshot, others: others.map(({ DeviceName = '?' }) => DeviceName) };
}

/**
 * The base image's id in the region of the clients: a copy of an image is audited where it is, and the base image has
 * the same name and owner there, and another id.
 *
 * @throws EcsHostError (outside) `AUDIT_FAILED`
 */
async function baseImageHere(
  { ec2 }: Pick<AwsClients, 'ec2'>,
  { baseImage: { id, name, ownerId }, region }: Pick<BuildPlan, 'baseImage' | 'region'>,
): Promise<string> {
  const Filters = [{ Name: 'name', Values: [name] }];
  const { Images = [] } = await ec2.send(new DescribeImagesCommand({ Owners: [ownerId], Filters }));
  const found = Images.find(({ ImageId }) => ImageId === id) ?? Images[0];
  if (found?.ImageId !== undefined) return found.ImageId;
  throw outsideError('AUDIT_FAILED', `Region ${region} has no base image ${name} of ${ownerId} to audit from.`);
}

/** What an auditor is launched with, and reads. */
export type AuditSubject = ImageDisks & { readonly baseImageId: string };

/** @throws EcsHostError (outside) `AUDIT_FAILED` */
export async function auditSubject(
  clients: AwsClients,
  plan: Pick<BuildPlan, 'baseImage' | 'region'>,
  imageId: string,
): Promise<AuditSubject> {
  const [disks, baseImageId] = await Promise.all([imageDisks(clients, imageId), baseImageHere(clients, plan)]);
  return { ...disks, baseImageId };
}

/** The volume that was made of the snapshot. @throws EcsHostError (outside) `AUDIT_FAILED` */
export async function attachedVolume({ ec2 }: AwsClients, instanceId: string): Promise<string> {
  const Filters = [
    { Name: 'attachment.instance-id', Values: [instanceId] },
    { Name: 'attachment.device', Values: [AUDITED_DEVICE] },
  ];
  const { Volumes = [] } = await ec2.send(new DescribeVolumesCommand({ Filters }));
  const volumeId = Volumes[0]?.VolumeId;
  if (volumeId !== undefined) return volumeId;
  throw outsideError('AUDIT_FAILED', `Instance ${instanceId} has no volume at ${AUDITED_DEVICE}.`);
}

/**
 * The parts of a snapshot that were ever written, in bytes: all else reads as zeros, however long that takes. Null when
 * it cannot be asked for.
 */
export async function writtenParts(
  clients: Pick<AwsClients, 'writtenBlocks'>,
  snapshotId: string,
): Promise<readonly (readonly [from: number, to: number])[] | null> {
  try {
    const parts: [number, number][] = [];
    for (const index of await clients.writtenBlocks(snapshotId)) {
      const last = parts.at(-1);
      const from = index * BLOCK_BYTES;
      if (last !== undefined && last[1] === from) last[1] += BLOCK_BYTES;
      else parts.push([from, from + BLOCK_BYTES]);
    }
    return parts;
  } catch {
    // Whoever may not ask has all of the disk read.
    return null;
  }
}
