import { DescribeImagesCommand } from '@aws-sdk/client-ec2';
import { ec2TagsAsObject, TAG } from '../run/tags.ts';
import { CHANNELS, type Channel } from './channels.ts';
import { type Pointer, readPointers } from './pointer.ts';
import type { RegionClients } from './region.ts';
import { listStates, type ReleaseState } from './release-state.ts';

export type ChannelStatus = {
  readonly channel: Channel;
  readonly region: string;
  readonly apiRegion: string;
  readonly imageId: string;
  readonly imageName: string | null;
  /** Counts the moves of the pointer. */
  readonly version: number;
  /** Of the image in that very region; `gone` where there is no such image (any more). */
  readonly verdict: string;
  readonly releasedAt: string | null;
  readonly previousImageId: string | null;
};

/** The verdict on each image, as its own tag has it. */
async function verdictsOf({ aws }: RegionClients, imageIds: readonly string[]): Promise<Map<string, string>> {
  if (imageIds.length === 0) return new Map();
  // A filter, because an id that is not there would be an error of the call.
  const Filters = [{ Name: 'image-id', Values: [...imageIds] }];
  const { Images = [] } = await aws.ec2.send(new DescribeImagesCommand({ Filters, IncludeDeprecated: true }));
  return new Map(
    Images.map(({ ImageId = '', Tags }) => {
      const tags = ec2TagsAsObject(Tags);
      return [ImageId, tags[TAG.withdrawn] === undefined ? (tags[TAG.verdict] ?? 'unknown') : 'withdrawn'];
    }),
  );
}

/** What the channels of a profile name in one region. */
export async function channelsIn(
  place: { readonly name: string; readonly apiRegion: string; readonly clients: RegionClients },
  profile: string,
): Promise<ChannelStatus[]> {
  const pointers = await readPointers(place.clients.more.ssm, profile);
  const verdicts = await verdictsOf(
    place.clients,
    pointers.map(({ imageId }) => imageId),
  );
  return pointers.map(({ channel, imageId, version, release }: Pointer) => ({
    channel,
    region: place.name,
    apiRegion: place.apiRegion,
    imageId,
    imageName: release?.imageName ?? null,
    version,
    verdict: verdicts.get(imageId) ?? 'gone',
    releasedAt: release?.releasedAt ?? null,
    previousImageId: release?.previousImageId ?? null,
  }));
}

/** Pure: channel by channel, and in each the regions in their order. */
export function byChannel(statuses: readonly ChannelStatus[]): ChannelStatus[] {
  return CHANNELS.flatMap((channel) => statuses.filter((status) => status.channel === channel));
}

/** Releases of a profile that were begun in this state folder and have not ended, at the lab or at AWS. */
export async function underWay(profile: string, isLab: boolean): Promise<ReleaseState[]> {
  const states = await listStates();
  return states.filter(
    (state) => state.finishedAt === null && state.profile === profile && (state.endpointUrl !== null) === isLab,
  );
}
