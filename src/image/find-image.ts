import { DescribeImagesCommand, type Image } from '@aws-sdk/client-ec2';
import type { AwsClients } from '../aws/clients.ts';
import { isGone } from '../aws/removal.ts';
import { type EcsHostError, userError } from '../io/errors.ts';

/** The image as the API knows it, or null. */
export async function findImage({ ec2 }: AwsClients, imageId: string): Promise<Image | null> {
  try {
    const { Images = [] } = await ec2.send(new DescribeImagesCommand({ ImageIds: [imageId] }));
    return Images[0] ?? null;
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

export function unknownImage(imageId: string, apiRegion: string): EcsHostError {
  return userError(
    'IMAGE_UNKNOWN',
    `There is no image ${imageId} in ${apiRegion}.`,
    '`ecs-host image list` shows the images of a region; --region names another',
  );
}
