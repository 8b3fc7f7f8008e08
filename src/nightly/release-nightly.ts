import type { SSMClient } from '@aws-sdk/client-ssm';
import { readPointer } from '../release/move-pointer.ts';
import { type ReleaseInput, releaseImage } from '../release/release.ts';
import type { Published } from './night.ts';

const CHANNEL = 'nightly';

/** What the channel of nights names in a region, or null. */
export async function nightlyImage(ssm: SSMClient, profile: string): Promise<string | null> {
  return (await readPointer(ssm, profile, CHANNEL))?.imageId ?? null;
}

/**
 * Releases an image to the channel of nights, in all regions of its plan. @returns where it was published now; empty
 * when all of it was so already
 */
export async function releaseNightly(input: Omit<ReleaseInput, 'channel' | 'keep'>): Promise<readonly Published[]> {
  const { isNew, regions } = await releaseImage({ ...input, channel: CHANNEL, keep: null });
  return isNew ? regions.map(({ name, imageId }) => ({ region: name, imageId })) : [];
}
