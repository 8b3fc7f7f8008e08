import { type Image, paginateDescribeImages } from '@aws-sdk/client-ec2';
import type { AwsClients } from '../aws/clients.ts';
import { findImage, unknownImage } from '../image/find-image.ts';
import { userError } from '../io/errors.ts';
import type { Reporter } from '../io/reporter.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import { ec2TagsAsObject, TAG } from '../run/tags.ts';

/** What a dev host is launched from, and so what is left to do on it. */
export type Source = {
  readonly kind: 'image' | 'base';
  readonly imageId: string;
  readonly imageName: string;
  readonly rootDeviceName: string;
};

export type SourceWish = { readonly fromBase: boolean; readonly imageId: string | null };

function sourceOf(image: Image): Source {
  return {
    kind: 'image',
    imageId: image.ImageId ?? '',
    imageName: image.Name ?? image.ImageId ?? '',
    rootDeviceName: image.RootDeviceName ?? '/dev/sda1',
  };
}

/** Pure: the newest image of this profile that was proved. */
export function newestPassed(images: readonly Image[], profile: string): Image | null {
  const passed = images.filter((image) => {
    const tags = ec2TagsAsObject(image.Tags);
    return image.State === 'available' && tags[TAG.verdict] === 'passed' && tags[TAG.profile] === profile;
  });
  return passed.sort((a, b) => (b.CreationDate ?? '').localeCompare(a.CreationDate ?? ''))[0] ?? null;
}

async function ownImages({ ec2 }: AwsClients): Promise<Image[]> {
  const images: Image[] = [];
  const query = { Owners: ['self'], Filters: [{ Name: `tag-key`, Values: [TAG.verdict] }] };
  for await (const { Images = [] } of paginateDescribeImages({ client: ec2 }, query)) images.push(...Images);
  return images;
}

async function namedImage(clients: AwsClients, imageId: string, plan: BuildPlan): Promise<Source> {
  const image = await findImage(clients, imageId);
  if (image === null) throw unknownImage(imageId, plan.apiRegion);
  const profile = ec2TagsAsObject(image.Tags)[TAG.profile];
  if (profile === plan.profile) return sourceOf(image);
  throw userError(
    'DEV_HOST_IMAGE',
    `${imageId} was ${profile === undefined ? 'not baked by ecs-host' : `baked from profile ${profile}`}, and the dev host is of profile ${plan.profile}.`,
    profile === undefined ? '`ecs-host image list` shows those that were' : `add --profile ${profile}`,
  );
}

/**
 * The image that was named; the base image where that was asked for; else the newest image that was proved, or the base
 * image with a warning where there is none yet.
 *
 * @throws EcsHostError (user) `IMAGE_UNKNOWN`, `DEV_HOST_IMAGE`
 */
export async function findSource(
  clients: AwsClients,
  plan: BuildPlan,
  { fromBase, imageId }: SourceWish,
  reporter: Reporter,
): Promise<Source> {
  const { id, name, rootDeviceName } = plan.baseImage;
  const base: Source = { kind: 'base', imageId: id, imageName: name, rootDeviceName };
  if (imageId !== null) return namedImage(clients, imageId, plan);
  if (fromBase) return base;
  const newest = newestPassed(await ownImages(clients), plan.profile);
  if (newest !== null) return sourceOf(newest);
  reporter.emit({
    type: 'warning',
    code: 'DEV_HOST_FROM_BASE',
    text: `No image of profile ${plan.profile} in ${plan.region} has a passing verdict; this host is made from ${name}.`,
    hint: '`ecs-host ami` bakes and proves one; --from-base says that this is meant',
  });
  return base;
}
