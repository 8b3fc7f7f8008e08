import { DescribeImagesCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { isGone } from '../aws/removal.ts';
import { blemishOf, type CatalogImage, catalogImageOf, releaseOfTags } from './catalog.ts';
import type { Channel } from './channels.ts';
import type { Intent } from './moves.ts';
import type { Place } from './place.ts';
import { type Pointer, readPointers } from './pointer.ts';

async function findOne(ec2: EC2Client, imageId: string): Promise<CatalogImage | undefined> {
  try {
    const { Images: [image] = [] } = await ec2.send(new DescribeImagesCommand({ ImageIds: [imageId] }));
    return image === undefined ? undefined : catalogImageOf(image);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** Pure: what a promotion does in a region where the channels and the image are as they are. */
export function decidePromotion(
  place: Place,
  { from, to }: { readonly from: Channel; readonly to: Channel },
  seen: { readonly pointers: readonly Pointer[]; readonly image: CatalogImage | undefined; readonly now: Date },
): Intent {
  const source = seen.pointers.find(({ channel }) => channel === from);
  const target = seen.pointers.find(({ channel }) => channel === to);
  const what = { place, channel: to, from: target?.imageId ?? null };
  if (source === undefined) return { ...what, what: 'nothing', reason: `nothing was released to ${from}` };
  const blemish = blemishOf(seen.image);
  // Also where the pointer is there already: that it names what is bad has to be seen.
  if (blemish !== null || seen.image === undefined)
    return { ...what, what: 'refused', reason: `${source.imageId} of ${from}: ${blemish}` };
  if (source.imageId === target?.imageId)
    return { ...what, what: 'already', reason: `${to} names ${source.imageId} already` };
  const release = {
    ...(source.release ?? releaseOfTags(seen.image)),
    releasedAt: seen.now.toISOString(),
    previousImageId: target?.imageId ?? null,
  };
  return { ...what, what: 'move', release, passedOver: [] };
}

/** What a promotion would do in a region. */
export async function lookAtPromotion(
  place: Place,
  channels: { readonly from: Channel; readonly to: Channel },
): Promise<Intent> {
  const pointers = (await readPointers(place.clients.ssm, place.profileName)).filter(
    ({ profile }) => profile === place.profileName,
  );
  const source = pointers.find(({ channel }) => channel === channels.from);
  const image = source === undefined ? undefined : await findOne(place.clients.ec2, source.imageId);
  return decidePromotion(place, channels, { pointers, image, now: new Date() });
}
