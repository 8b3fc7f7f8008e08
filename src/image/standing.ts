import { type Image, paginateDescribeImages } from '@aws-sdk/client-ec2';
import type { AwsClients } from '../aws/clients.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import { isDetermined } from '../plan/inputs.ts';
import { ec2TagsAsObject, TAG } from '../run/tags.ts';
import type { ImageRecord } from './image-record.ts';
import { recordOf } from './image-store.ts';

/** An image of a region, with what is remembered of it here. */
export type Known = {
  readonly image: Image;
  /** `damaged`: there is one that cannot be used; null: it was baked elsewhere. */
  readonly record: ImageRecord | 'damaged' | null;
};

/** An image that stands for a plan, so that nothing has to be baked. */
export type Standing = {
  readonly imageId: string;
  readonly verdict: 'passed' | 'not-run';
  /** When the image was made: UTC, ISO 8601. */
  readonly since: string;
  readonly record: ImageRecord | null;
};

/** Finished, whole, and nothing but an image: not withdrawn, no layer, no copy that is still under way. */
function isOffered(image: Image, tags: Readonly<Record<string, string>>): boolean {
  const excluded = [TAG.withdrawn, TAG.layer, TAG.release].some((tag) => tags[tag] !== undefined);
  return image.State === 'available' && !excluded;
}

/** What an image stands for, or null when it does for nothing: one that failed, was never finished or taken back. */
function standingOf({ image, record }: Known): Standing | null {
  const tags = ec2TagsAsObject(image.Tags);
  const verdict = tags[TAG.verdict];
  if (!isOffered(image, tags) || record === 'damaged' || record?.smoke?.verdict === 'failed') return null;
  if (verdict !== 'passed' && verdict !== 'not-run') return null;
  return { imageId: image.ImageId ?? '', verdict, since: image.CreationDate ?? record?.createdAt ?? '', record };
}

/**
 * Pure: of images the one that stands for what they were baked from: the newest that passed, else the newest that
 * nobody has proven yet. Whose it is does not matter. Where tag and record disagree, a failure counts.
 */
export function chooseStanding(known: readonly Known[]): Standing | null {
  const standing = known
    .flatMap((each) => standingOf(each) ?? [])
    .toSorted((a, b) => b.since.localeCompare(a.since) || b.imageId.localeCompare(a.imageId));
  return standing.find(({ verdict }) => verdict === 'passed') ?? standing[0] ?? null;
}

async function imagesTagged({ ec2 }: AwsClients, tags: Readonly<Record<string, string>>): Promise<Known[]> {
  const filters = Object.entries(tags).map(([tag, value]) => ({ Name: `tag:${tag}`, Values: [value] }));
  const images: Image[] = [];
  const query = { Owners: ['self'], Filters: [...filters, { Name: 'state', Values: ['available'] }] };
  for await (const page of paginateDescribeImages({ client: ec2 }, query)) images.push(...(page.Images ?? []));
  return Promise.all(images.map(async (image) => ({ image, record: await recordOf(image.ImageId ?? '') })));
}

/** The image of the region that stands for a plan; null when it has to be baked. */
export async function findStanding(
  clients: AwsClients,
  plan: Pick<BuildPlan, 'digest' | 'packageLists'>,
): Promise<Standing | null> {
  if (!isDetermined(plan)) return null;
  return chooseStanding(await imagesTagged(clients, { [TAG.planDigest]: plan.digest }));
}

/** The newest image of a profile that passed, whatever it was baked from; null when there is none. */
export async function newestPassing(clients: AwsClients, profile: string): Promise<Standing | null> {
  const known = await imagesTagged(clients, { [TAG.profile]: profile, [TAG.verdict]: 'passed' });
  return chooseStanding(known);
}
