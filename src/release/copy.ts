import { createHash } from 'node:crypto';
import {
  CopyImageCommand,
  DeleteTagsCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  type Image,
  ModifyImageAttributeCommand,
  type Snapshot,
} from '@aws-sdk/client-ec2';
import { DescribeKeyCommand } from '@aws-sdk/client-kms';
import { errorName, untilKnown } from '../aws/removal.ts';
import { deleteImage } from '../image/delete-image.ts';
import { findImage } from '../image/find-image.ts';
import { tagImage } from '../image/tag-image.ts';
import { type EcsHostError, outsideError, userError } from '../io/errors.ts';
import { poll } from '../io/wait-until.ts';
import { ec2Tags, ec2TagsAsObject, TAG, type Tags } from '../run/tags.ts';
import type { SeenImage } from './next-step.ts';
import { originOf, seenImage } from './observe.ts';
import type { Region } from './region.ts';

/** What a copy is made of, and for whom. */
export type CopyOrder = {
  /** The image that was baked, as its region shows it. */
  readonly source: SeenImage;
  readonly sourceApiRegion: string;
  readonly releaseId: string;
  /** How many copies failed before. */
  readonly failedCopies: number;
};

/** What says something about the image in one region only, and is found out anew in another. */
const OF_ONE_REGION: ReadonlySet<string> = new Set([TAG.verdict, TAG.smokeRunId, TAG.withdrawn, TAG.release]);

/** Pure: the tags that a copy has for good, until it is proven. */
export function tagsOfCopy({ source, sourceApiRegion }: Pick<CopyOrder, 'source' | 'sourceApiRegion'>): Tags {
  const carried = Object.entries(source.tags).filter(([key]) => !OF_ONE_REGION.has(key) && !key.startsWith('aws:'));
  return {
    ...Object.fromEntries(carried),
    [TAG.copiedFrom]: originOf(sourceApiRegion, source.imageId),
    [TAG.verdict]: 'not-run',
  };
}

/** The same for the same copy, so that EC2 makes it once; another after one that failed, which EC2 would give again. */
function tokenOf({ source, sourceApiRegion, failedCopies }: CopyOrder, { apiRegion }: Region): string {
  const text = [source.imageId, sourceApiRegion, apiRegion, String(failedCopies)].join(' ');
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** Names are unique in a region: one that is taken was taken by the same copy, which is not shown yet, or by others. */
async function copyOfThatName({ clients }: Region, { source, sourceApiRegion }: CopyOrder): Promise<string> {
  const find = async (): Promise<Image | null> => {
    const Filters = [{ Name: 'name', Values: [source.imageName] }];
    const { Images = [] } = await clients.aws.ec2.send(new DescribeImagesCommand({ Owners: ['self'], Filters }));
    return Images[0] ?? null;
  };
  const image = await poll(find, { timeoutMs: 60_000, intervalMs: 500, growth: 1.5, maxIntervalMs: 5000 });
  const isOurs = ec2TagsAsObject(image?.Tags)[TAG.copiedFrom] === originOf(sourceApiRegion, source.imageId);
  if (image?.ImageId !== undefined && isOurs) return image.ImageId;
  throw userError(
    'RELEASE_NAME_TAKEN',
    `The name ${source.imageName} is taken by ${image?.ImageId ?? 'an image'}, which is no copy of ${source.imageId}.`,
    'give that image up, or bake another one',
  );
}

/**
 * Has EC2 begin a copy, or finds the one that was begun. All its tags go with the call, so that no moment passes in
 * which nobody knows whose it is; a verdict does not, because it was given elsewhere (docs/decisions/0182).
 *
 * @returns the id of the copy
 */
export async function beginCopy(region: Region, order: CopyOrder): Promise<string> {
  const { source, sourceApiRegion, releaseId } = order;
  const Tags = ec2Tags({ ...tagsOfCopy(order), [TAG.release]: releaseId });
  try {
    const { ImageId } = await region.clients.aws.ec2.send(
      new CopyImageCommand({
        Name: source.imageName,
        Description: `copy of ${source.imageId} of ${sourceApiRegion}`,
        SourceImageId: source.imageId,
        SourceRegion: sourceApiRegion,
        Encrypted: true,
        ...(region.kmsKey === null ? {} : { KmsKeyId: region.kmsKey }),
        ClientToken: tokenOf(order, region),
        TagSpecifications: [
          { ResourceType: 'image', Tags },
          { ResourceType: 'snapshot', Tags },
        ],
      }),
    );
    return ImageId ?? '';
  } catch (error) {
    if (errorName(error) !== 'InvalidAMIName.Duplicate') throw error;
    return copyOfThatName(region, order);
  }
}

/** A snapshot of tens of gigabytes takes minutes, and EC2 makes a few at a time. */
const COPY_LIMIT_MS = 3 * 60 * 60_000;

/** Waits while a copy is made. @returns the image when EC2 is done with it, for better or worse */
export async function waitForCopy(
  { clients }: Region,
  imageId: string,
  { signal, pauseMs }: { readonly signal: AbortSignal; readonly pauseMs: number },
): Promise<SeenImage> {
  const look = async (): Promise<SeenImage | null> => {
    const { Images: [image] = [] } = await untilKnown(() =>
      clients.aws.ec2.send(new DescribeImagesCommand({ ImageIds: [imageId] })),
    );
    return image === undefined || image.State === 'pending' || image.State === 'transient' ? null : seenImage(image);
  };
  const pace = { timeoutMs: COPY_LIMIT_MS, intervalMs: pauseMs, growth: 1.5, maxIntervalMs: pauseMs * 30, signal };
  const image = await poll(look, pace);
  if (image !== null) return image;
  throw outsideError('COPY_FAILED', `Copy ${imageId} is still pending after ${COPY_LIMIT_MS / 3_600_000} hours.`);
}

/** The id that snapshots are shown with: an alias is resolved, and so is an id without its ARN. */
async function keyArn({ kmsKey, clients }: Region): Promise<string | null> {
  if (kmsKey === null) return null;
  const { KeyMetadata } = await clients.more.kms.send(new DescribeKeyCommand({ KeyId: kmsKey }));
  return KeyMetadata?.Arn ?? kmsKey;
}

type Wanted = { readonly tags: Tags; readonly keyArn: string | null };

function lackingTags(image: Image, wanted: Wanted): readonly (readonly [string, string])[] {
  const tags = ec2TagsAsObject(image.Tags);
  return Object.entries(wanted.tags).filter(([key, value]) => tags[key] !== value);
}

/** Pure: what keeps a copy from being what was asked for. */
export function defectsOf(image: Image, snapshots: readonly Snapshot[], wanted: Wanted): string[] {
  const missing = lackingTags(image, wanted);
  const open = snapshots.filter(({ Encrypted }) => Encrypted !== true);
  const otherKey = snapshots.filter(({ KmsKeyId }) => wanted.keyArn !== null && KmsKeyId !== wanted.keyArn);
  return [
    ...(missing.length === 0 ? [] : [`it lacks the tags ${missing.map(([key]) => key).join(', ')}`]),
    ...(image.ImdsSupport === 'v2.0' ? [] : ['its imds-support is not v2.0']),
    ...(snapshots.length > 0 ? [] : ['it has no snapshot']),
    ...open.map(({ SnapshotId }) => `${SnapshotId} is not encrypted`),
    ...otherKey.map(({ SnapshotId, KmsKeyId }) => `${SnapshotId} is encrypted with ${KmsKeyId}`),
  ];
}

async function look({ clients }: Region, imageId: string): Promise<[Image, Snapshot[]]> {
  const image = await findImage(clients.aws, imageId);
  const SnapshotIds = seenImage(image ?? {}).snapshotIds;
  const { Snapshots = [] } =
    SnapshotIds.length === 0
      ? {}
      : await clients.aws.ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: [...SnapshotIds] }));
  return [image ?? {}, Snapshots];
}

/**
 * Looks whether a copy that EC2 is done with is what was asked for. Tags and the setting of IMDS can be set once more;
 * encryption cannot, so a copy that lacks it is none. What passes loses the mark of being under way.
 *
 * @returns what is wrong for good; none as a rule
 */
export async function checkCopy(region: Region, image: SeenImage, order: CopyOrder): Promise<string[]> {
  const { ec2 } = region.clients.aws;
  const { imageId, snapshotIds } = image;
  const wanted: Wanted = { tags: tagsOfCopy(order), keyArn: await keyArn(region) };
  const [shown] = await look(region, imageId);
  if (shown.ImdsSupport !== 'v2.0')
    await ec2.send(new ModifyImageAttributeCommand({ ImageId: imageId, ImdsSupport: { Value: 'v2.0' } }));
  const lacking = Object.fromEntries(lackingTags(shown, wanted));
  if (Object.keys(lacking).length > 0) await tagImage(region.clients.aws, [imageId, ...snapshotIds], lacking);
  const defects = defectsOf(...(await look(region, imageId)), wanted);
  if (defects.length === 0)
    await ec2.send(new DeleteTagsCommand({ Resources: [imageId, ...snapshotIds], Tags: [{ Key: TAG.release }] }));
  return defects;
}

/** Removes a copy, with its snapshots, that is of no use. @returns the error that tells of it */
export async function removeCopy(region: Region, image: SeenImage, why: string): Promise<EcsHostError> {
  const { imageId, imageName, snapshotIds } = image;
  await deleteImage(region.clients.aws, { imageId, imageName, isRegistered: true, snapshotIds });
  return outsideError(
    'COPY_FAILED',
    `Copy ${imageId} in ${region.name} failed, and was removed with its snapshots: ${why}.`,
    'the same command tries again; the other regions stay as they are',
  );
}
