import {
  CopyImageCommand,
  type CopyImageRequest,
  DescribeImagesCommand,
  type EC2Client,
  type Image,
} from '@aws-sdk/client-ec2';
import { vi } from 'vitest';

export async function describeImage(ec2: EC2Client, id: string): Promise<Image | undefined> {
  return (await ec2.send(new DescribeImagesCommand({ ImageIds: [id] }))).Images?.[0];
}

/** Copies an image of us-west-2 to wherever the client is, and waits until that has ended. */
export async function copyImage(
  ec2: EC2Client,
  source: string,
  more: Partial<CopyImageRequest> & { readonly Name: string },
): Promise<Image> {
  const asked = { SourceImageId: source, SourceRegion: 'us-west-2', ...more };
  const { ImageId = '' } = await ec2.send(new CopyImageCommand(asked));
  return vi.waitFor(
    async () => {
      const image = await describeImage(ec2, ImageId);
      if (image === undefined || image.State === 'pending') throw new Error(`${ImageId} is pending`);
      return image;
    },
    { timeout: 60_000, interval: 100 },
  );
}

export function snapshotOf(image: Image): string {
  return image.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId ?? '';
}
