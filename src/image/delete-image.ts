import { DeleteSnapshotCommand, DeregisterImageCommand } from '@aws-sdk/client-ec2';
import type { ApiTarget, AwsClients } from '../aws/clients.ts';
import { isGone } from '../aws/removal.ts';
import { userError } from '../io/errors.ts';
import { TAG } from '../run/tags.ts';
import { findImage, unknownImage } from './find-image.ts';
import type { ImageRecord } from './image-record.ts';

/** What deleting an image would remove. */
export type ImageRemains = {
  readonly imageId: string;
  readonly imageName: string;
  /** False when the API knows no such image (any more). */
  readonly isRegistered: boolean;
  readonly snapshotIds: readonly string[];
};

/**
 * Looks what there is of an image: only one that this program baked, by its tag or its record, is anything for it to
 * delete.
 *
 * @param record null when there is none that can be used
 * @throws EcsHostError (user) `IMAGE_UNKNOWN`, or `IMAGE_FOREIGN` for an image that somebody else made
 */
export async function findImageRemains(
  clients: AwsClients,
  imageId: string,
  record: ImageRecord | null,
  { apiRegion, endpointUrl }: ApiTarget,
): Promise<ImageRemains> {
  const image = await findImage(clients, imageId);
  if (image === null && record === null) throw unknownImage(imageId, apiRegion);
  // The lab's port may differ from day to day; what matters is whether it was the lab.
  const isElsewhere =
    record !== null && (record.apiRegion !== apiRegion || (record.endpointUrl === null) !== (endpointUrl === null));
  if (isElsewhere)
    throw userError(
      'IMAGE_ELSEWHERE',
      `${imageId} was baked in region ${record.region}.`,
      `give --region ${record.region}`,
    );
  const isOurs =
    record !== null || image?.Tags?.some(({ Key }) => Key === TAG.planDigest || Key === TAG.layer) === true;
  if (!isOurs) throw userError('IMAGE_FOREIGN', `${imageId} was not baked by ecs-host.`, 'delete it with what made it');
  const ofImage = (image?.BlockDeviceMappings ?? []).flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []);
  return {
    imageId,
    imageName: image?.Name ?? record?.imageName ?? '',
    isRegistered: image !== null,
    snapshotIds: [...new Set([...ofImage, ...(record?.snapshotIds ?? [])])],
  };
}

/**
 * Deregisters the image, then deletes its snapshots: EC2 takes them in this order only. What is gone already is no
 * error.
 */
export async function deleteImage(clients: Pick<AwsClients, 'ec2'>, remains: ImageRemains): Promise<void> {
  const { ec2 } = clients;
  const forgiving = async (work: Promise<unknown>): Promise<void> => {
    await work.catch((error: unknown) => {
      if (!isGone(error)) throw error;
    });
  };
  if (remains.isRegistered) await forgiving(ec2.send(new DeregisterImageCommand({ ImageId: remains.imageId })));
  for (const SnapshotId of remains.snapshotIds) await forgiving(ec2.send(new DeleteSnapshotCommand({ SnapshotId })));
}
