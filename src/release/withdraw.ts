import { CreateTagsCommand, EnableImageDeprecationCommand } from '@aws-sdk/client-ec2';
import { DeleteParametersCommand } from '@aws-sdk/client-ssm';
import { reasonOf } from '#contracts/reason.ts';
import { ec2Tags, TAG } from '../run/tags.ts';
import type { CatalogImage } from './catalog.ts';
import { type Channel, pointerNames } from './channels.ts';
import { movePointer, readPointer } from './move-pointer.ts';
import type { Place } from './place.ts';
import { readUsage } from './read-usage.ts';
import { unshareImage, unshareSnapshot } from './unshare.ts';
import { type Use, usesOf } from './usage.ts';
import type { Retreat, Withdrawal } from './withdrawal.ts';

/** What became of one part of it. */
export type Deed<T> = { readonly value: T; readonly error: null } | { readonly value: null; readonly error: string };

export type WithdrawnImage = {
  readonly imageId: string;
  readonly imageName: string;
  readonly profile: string;
  /** The tag's value. */
  readonly marked: Deed<string>;
  /** Whose permissions to launch it, and to use its snapshots, were taken away. */
  readonly unshared: Deed<readonly string[]>;
  /** Since when EC2 hides it from others: UTC, ISO 8601. */
  readonly deprecatedAt: Deed<string>;
  /** Who uses it still. */
  readonly uses: Deed<readonly Use[]>;
};

export type WithdrawnPointer = {
  readonly profile: string;
  readonly channel: Channel;
  readonly from: string;
  /** Where it goes instead; null where it is deleted, since nothing good came before. */
  readonly to: Deed<string | null>;
  readonly passedOver: readonly string[];
};

/** What a withdrawal did in one region. */
export type Withdrawn = {
  readonly region: string;
  readonly apiRegion: string;
  readonly pointers: readonly WithdrawnPointer[];
  readonly images: readonly WithdrawnImage[];
};

/** One part that fails keeps no other from being done: whoever withdraws is in a hurry. */
async function attempt<T>(work: () => Promise<T>): Promise<Deed<T>> {
  try {
    return { value: await work(), error: null };
  } catch (error) {
    return { value: null, error: reasonOf(error).replace(/\.$/, '') };
  }
}

const MOST_OF_A_TAG = 256;

/** Pure: since when, and why, as long as a tag may be. */
export function markOf(reason: string, now: Date): string {
  return `${now.toISOString().slice(0, 19)}Z ${reason}`.slice(0, MOST_OF_A_TAG);
}

/** An image that was withdrawn before keeps its first reason. */
function mark({ place }: Withdrawal, image: CatalogImage, reason: string, now: Date): Promise<Deed<string>> {
  return attempt(async () => {
    if (image.withdrawn !== null) return image.withdrawn;
    const value = markOf(reason, now);
    await place.clients.ec2.send(
      new CreateTagsCommand({ Resources: [image.imageId], Tags: ec2Tags({ [TAG.withdrawn]: value }) }),
    );
    return value;
  });
}

async function retreat({ clients: { ssm } }: Place, { pointer, release }: Retreat): Promise<string | null> {
  const { profile, channel } = pointer;
  // Whoever moved it meanwhile knew what they did.
  const now = await readPointer(ssm, profile, channel);
  if (now?.imageId !== pointer.imageId) return now?.imageId ?? null;
  if (release === null) {
    const { imageId, release: story } = pointerNames(profile, channel);
    await ssm.send(new DeleteParametersCommand({ Names: [imageId, story] }));
    return null;
  }
  await movePointer(ssm, profile, channel, release);
  return release.imageId;
}

/** EC2 takes no date in the past, and rounds to minutes. */
const SOON_MS = 60_000;

async function deprecate({ clients: { ec2 } }: Place, image: CatalogImage, now: Date): Promise<string> {
  if (image.deprecatedAt !== null && Date.parse(image.deprecatedAt) <= now.getTime() + SOON_MS)
    return image.deprecatedAt;
  const at = new Date(now.getTime() + SOON_MS);
  await ec2.send(new EnableImageDeprecationCommand({ ImageId: image.imageId, DeprecateAt: at }));
  return at.toISOString();
}

async function unshare({ clients: { ec2 } }: Place, image: CatalogImage): Promise<string[]> {
  const grantees = await Promise.all([
    unshareImage(ec2, image.imageId),
    ...image.snapshotIds.map((snapshotId) => unshareSnapshot(ec2, snapshotId)),
  ]);
  return [...new Set(grantees.flat())];
}

/**
 * Withdraws in one region: marks first, so that nobody promotes the image meanwhile, then the pointers, then the rest;
 * last it looks who uses the image still. Doing it again does what failed.
 */
export async function withdrawHere(
  work: Withdrawal,
  { reason, now }: { readonly reason: string; readonly now: Date },
): Promise<Withdrawn> {
  const { place, images, retreats } = work;
  const marked = await Promise.all(images.map((image) => mark(work, image, reason, now)));
  const pointers = await Promise.all(
    retreats.map(async (each): Promise<WithdrawnPointer> => {
      const { profile, channel, imageId: from } = each.pointer;
      return { profile, channel, from, to: await attempt(() => retreat(place, each)), passedOver: each.passedOver };
    }),
  );
  const done = await Promise.all(
    images.map((image) =>
      Promise.all([attempt(() => unshare(place, image)), attempt(() => deprecate(place, image, now))]),
    ),
  );
  const uses = await attempt(async () => usesOf(await readUsage(place.clients)));
  return {
    region: place.regionName,
    apiRegion: place.apiRegion,
    pointers,
    images: images.map(({ imageId, imageName, profile }, at): WithdrawnImage => {
      const missing = { value: null, error: 'it was not tried' } as const;
      const [unshared, deprecatedAt] = done[at] ?? [missing, missing];
      const used = uses.value === null ? uses : { value: uses.value.get(imageId) ?? [], error: null };
      return { imageId, imageName, profile, marked: marked[at] ?? missing, unshared, deprecatedAt, uses: used };
    }),
  };
}

/** Pure: everything that failed, a line each. */
export function failuresOf({ region, pointers, images }: Withdrawn): string[] {
  const parts = [
    ...pointers.map(({ profile, channel, to }) => [`pointer ${profile}/${channel}`, to.error] as const),
    ...images.flatMap(({ imageId, marked, unshared, deprecatedAt, uses }) => [
      [`mark of ${imageId}`, marked.error] as const,
      [`permissions of ${imageId}`, unshared.error] as const,
      [`deprecation of ${imageId}`, deprecatedAt.error] as const,
      [`who uses ${imageId}`, uses.error] as const,
    ]),
  ];
  return parts.flatMap(([what, error]) => (error === null ? [] : [`${region}: ${what}: ${error}`]));
}
