import { DescribeImageAttributeCommand, DescribeImagesCommand, type Image } from '@aws-sdk/client-ec2';
import { findImage } from '../image/find-image.ts';
import type { ReleasePlan } from '../plan/build-plan.ts';
import { ec2TagsAsObject, TAG } from '../run/tags.ts';
import type { Channel } from './channels.ts';
import { readPointer } from './move-pointer.ts';
import type { Seen, SeenImage } from './next-step.ts';
import type { Region } from './region.ts';
import { deprecationOf } from './settle.ts';

/** As `TAG.copiedFrom` has it. */
export function originOf(apiRegion: string, imageId: string): string {
  return `${apiRegion}/${imageId}`;
}

export function seenImage(image: Image): SeenImage {
  return {
    imageId: image.ImageId ?? '',
    imageName: image.Name ?? '',
    state: String(image.State ?? ''),
    reason: image.StateReason?.Message ?? 'no reason was given',
    tags: ec2TagsAsObject(image.Tags),
    snapshotIds: (image.BlockDeviceMappings ?? []).flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []),
  };
}

/** Of several copies, which only two state folders can have made, the one that is furthest. */
function furthest(images: readonly Image[]): Image | null {
  const rank = ({ State, Tags }: Image): number => {
    if (State !== 'available') return State === 'pending' ? 1 : 0;
    return ec2TagsAsObject(Tags)[TAG.verdict] === 'passed' ? 3 : 2;
  };
  return images.toSorted((a, b) => rank(b) - rank(a) || (a.ImageId ?? '').localeCompare(b.ImageId ?? ''))[0] ?? null;
}

/** By its tag; or by its id, where a search does not show yet what was just made. */
async function findCopy({ clients }: Region, origin: string, knownId: string | null): Promise<Image | null> {
  const { Images = [] } = await clients.aws.ec2.send(
    new DescribeImagesCommand({ Owners: ['self'], Filters: [{ Name: `tag:${TAG.copiedFrom}`, Values: [origin] }] }),
  );
  const found = furthest(Images);
  if (found !== null || knownId === null) return found;
  const known = await findImage(clients.aws, knownId);
  return ec2TagsAsObject(known?.Tags)[TAG.copiedFrom] === origin ? known : null;
}

/** Whether everybody who is to have it may launch it. Snapshots are shared before their image. */
async function isShared({ clients }: Region, imageId: string, share: ReleasePlan['share']): Promise<boolean> {
  const wanted = Object.values(share).flat();
  if (wanted.length === 0) return true;
  const { LaunchPermissions = [] } = await clients.aws.ec2.send(
    new DescribeImageAttributeCommand({ ImageId: imageId, Attribute: 'launchPermission' }),
  );
  const given = new Set(
    LaunchPermissions.flatMap((each) => [each.UserId, each.OrganizationArn, each.OrganizationalUnitArn]),
  );
  return wanted.every((each) => given.has(each));
}

/** EC2 keeps whole minutes. */
const MINUTE_MS = 60_000;

async function isSettled(region: Region, image: Image, release: ReleasePlan, startedAt: string): Promise<boolean> {
  const deprecateAt = deprecationOf(release, startedAt);
  const isDeprecated =
    deprecateAt === null || Date.parse(image.DeprecationTime ?? '') >= deprecateAt.getTime() - MINUTE_MS;
  const isProtected = !release.protect || String(image.DeregistrationProtection ?? '').startsWith('enabled');
  return isDeprecated && isProtected && (await isShared(region, image.ImageId ?? '', release.share));
}

export type Subject = {
  readonly profile: string;
  readonly channel: Channel;
  readonly release: ReleasePlan;
  /** The image that was baked. */
  readonly imageId: string;
  readonly origin: string;
  readonly startedAt: string;
};

/**
 * What a region shows of a release.
 *
 * @param knownId the copy, where one is known to have been begun
 */
export async function observe(region: Region, subject: Subject, knownId: string | null): Promise<Seen> {
  const { clients, isSource } = region;
  const image = isSource
    ? await findImage(clients.aws, subject.imageId)
    : await findCopy(region, subject.origin, knownId);
  if (image === null) return { image, isSettled: false, pointer: null };
  const pointer = await readPointer(clients.more.ssm, subject.profile, subject.channel);
  return {
    image: seenImage(image),
    isSettled: await isSettled(region, image, subject.release, subject.startedAt),
    pointer: pointer?.imageId ?? null,
  };
}
