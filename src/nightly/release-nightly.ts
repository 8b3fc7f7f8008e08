import type { SSMClient } from '@aws-sdk/client-ssm';
import type { AwsClients } from '../aws/clients.ts';
import { findImage } from '../image/find-image.ts';
import { outsideError } from '../io/errors.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import { movePointer, readPointer } from '../release/move-pointer.ts';
import { RELEASE_VERSION } from '../release/pointer.ts';
import { ec2TagsAsObject, TAG } from '../run/tags.ts';
import { isProven } from './standing.ts';

const CHANNEL = 'nightly';

/** What the channel of nights names, or null. */
export async function nightlyImage(ssm: SSMClient, profile: string): Promise<string | null> {
  return (await readPointer(ssm, profile, CHANNEL))?.imageId ?? null;
}

type Passed = { readonly plan: BuildPlan; readonly imageId: string; readonly clients: AwsClients };

/**
 * Releases an image to the channel of nights, in the region where it was baked and has passed.
 *
 * @returns whether the channel names another image than before
 * @throws EcsHostError (outside) `NIGHTLY_UNPROVEN` when the region does not say that the image has passed
 */
export async function releaseNightly(ssm: SSMClient, { plan, imageId, clients }: Passed): Promise<boolean> {
  const { profile, apiRegion, digest } = plan;
  const before = await readPointer(ssm, profile, CHANNEL);
  if (before?.imageId === imageId) return false;
  const image = await findImage(clients, imageId);
  if (image === null || !isProven(image))
    throw outsideError(
      'NIGHTLY_UNPROVEN',
      `Image ${imageId} is not released: ${apiRegion} does not say that it has passed.`,
      'somebody may have withdrawn or removed it meanwhile; the next night makes another',
    );
  const tags = ec2TagsAsObject(image.Tags);
  await movePointer(ssm, profile, CHANNEL, {
    releaseVersion: RELEASE_VERSION,
    imageId,
    imageName: image.Name ?? plan.imageName,
    planDigest: digest,
    runId: tags[TAG.runId] ?? '',
    commit: tags[TAG.commit] ?? '',
    copiedFrom: null,
    provenBy: 'smoke',
    releasedAt: new Date().toISOString(),
    previousImageId: before?.imageId ?? null,
  });
  return true;
}
