import { join } from 'node:path';
import { DescribeImagesCommand, type EC2Client, type Image } from '@aws-sdk/client-ec2';
import type { Verdict } from '../image/image-record.ts';
import { readRecord } from '../image/image-store.ts';
import { EcsHostError } from '../io/errors.ts';
import { runFolder } from '../io/paths.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import { readPlan } from '../plan/plan-file.ts';
import { ec2TagsAsObject, TAG } from '../run/tags.ts';
import { changedInputs } from './changed.ts';

const PASSED: Verdict = 'passed';

/** Whether an image may be released where it is. Pure. */
export function isProven(image: Image): boolean {
  const tags = ec2TagsAsObject(image.Tags);
  return image.State === 'available' && tags[TAG.verdict] === PASSED && tags[TAG.withdrawn] === undefined;
}

/** The newest image of a plan in its region that has passed, so that nothing is to be baked; null where there is none. */
export async function standingImage(ec2: EC2Client, plan: BuildPlan): Promise<Image | null> {
  const { Images = [] } = await ec2.send(
    new DescribeImagesCommand({
      Owners: ['self'],
      Filters: [
        { Name: `tag:${TAG.planDigest}`, Values: [plan.digest] },
        { Name: `tag:${TAG.profile}`, Values: [plan.profile] },
        { Name: `tag:${TAG.verdict}`, Values: [PASSED] },
      ],
    }),
  );
  const proven = Images.filter(isProven);
  return proven.toSorted((a, b) => (b.CreationDate ?? '').localeCompare(a.CreationDate ?? ''))[0] ?? null;
}

/** Which inputs changed since an image was baked here; null when its plan is not kept here. */
export async function changedSince(imageId: string, now: BuildPlan): Promise<readonly string[] | null> {
  try {
    const record = await readRecord(imageId);
    if (record === null) return null;
    return changedInputs(await readPlan(join(runFolder(record.runId), 'render', 'plan.json')), now);
  } catch (error) {
    // Of another version, or removed with its run: that is no reason not to bake.
    if (error instanceof EcsHostError) return null;
    throw error;
  }
}
