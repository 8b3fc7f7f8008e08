import { type Image, paginateDescribeImages } from '@aws-sdk/client-ec2';
import type { AwsClients } from '../aws/clients.ts';
import { BAKED_IMAGES, ec2TagsAsObject, TAG } from '../run/tags.ts';
import type { ImageRecord, Verdict } from './image-record.ts';
import type { StoredRecords } from './image-store.ts';

/** One line of `image list`: the API's view joined with the record's. */
export type ImageSummary = {
  readonly imageId: string;
  readonly imageName: string;
  readonly apiRegion: string;
  readonly profile: string;
  readonly planDigest: string;
  readonly createdAt: string;
  /**
   * `layer`: it is what others begin with, and nobody judges it. `damaged`: there is a record, and it cannot be used;
   * what the image's tag says proves nothing then.
   */
  readonly verdict: Verdict | 'damaged' | 'layer';
  readonly runId: string;
  /** `both`; `tags` = baked elsewhere or its record is lost; `record` = deregistered since, or another endpoint's. */
  readonly knownBy: 'both' | 'tags' | 'record';
  readonly state: string;
};

function verdictOf(value: string | undefined): Verdict {
  return value === 'passed' || value === 'failed' ? value : 'not-run';
}

function fromTags(image: Image, apiRegion: string): ImageSummary {
  const tags = ec2TagsAsObject(image.Tags);
  return {
    imageId: image.ImageId ?? '',
    imageName: image.Name ?? '',
    apiRegion,
    profile: tags[TAG.profile] ?? '',
    planDigest: tags[TAG.planDigest] ?? '',
    createdAt: image.CreationDate ?? '',
    verdict: tags[TAG.layer] === undefined ? verdictOf(tags[TAG.verdict]) : 'layer',
    runId: tags[TAG.runId] ?? '',
    knownBy: 'tags',
    state: String(image.State ?? ''),
  };
}

function fromRecord(record: ImageRecord): ImageSummary {
  return {
    imageId: record.imageId,
    imageName: record.imageName,
    apiRegion: record.apiRegion,
    profile: record.profile,
    planDigest: record.planDigest,
    createdAt: record.createdAt,
    verdict: record.smoke?.verdict ?? 'not-run',
    runId: record.runId,
    knownBy: 'record',
    state: 'not found',
  };
}

function fromDamage(imageId: string, apiRegion: string): ImageSummary {
  return {
    imageId,
    imageName: '',
    apiRegion,
    profile: '',
    planDigest: '',
    createdAt: '',
    verdict: 'damaged',
    runId: '',
    knownBy: 'record',
    state: 'not found',
  };
}

/**
 * Pure: joins what the API lists with the records; the record wins where both know something, the API about the
 * state.
 */
export function joinImages(
  images: readonly Image[],
  records: readonly ImageRecord[],
  apiRegion: string,
  damaged: readonly string[] = [],
): ImageSummary[] {
  const listed = new Map(images.map((image) => [image.ImageId ?? '', fromTags(image, apiRegion)]));
  const known = records.map((record): ImageSummary => {
    const tagged = listed.get(record.imageId);
    listed.delete(record.imageId);
    return tagged ? { ...fromRecord(record), knownBy: 'both', state: tagged.state } : fromRecord(record);
  });
  for (const imageId of damaged) {
    const tagged = listed.get(imageId);
    listed.delete(imageId);
    known.push(tagged ? { ...tagged, verdict: 'damaged' } : fromDamage(imageId, apiRegion));
  }
  return [...known, ...listed.values()].sort((a, b) => b.createdAt.localeCompare(a.createdAt));
}

/**
 * The images of a region: those that this program tagged and those that it has a record of.
 *
 * @param stored.records only those of the same region and endpoint (the caller filters); a damaged one does not say
 *   where its image is
 */
export async function listImages(
  clients: AwsClients,
  stored: StoredRecords,
  apiRegion: string,
): Promise<ImageSummary[]> {
  const images: Image[] = [];
  const pages = paginateDescribeImages({ client: clients.ec2 }, { Owners: ['self'], Filters: [BAKED_IMAGES] });
  for await (const page of pages) images.push(...(page.Images ?? []));
  return joinImages(images, stored.records, apiRegion, stored.damaged);
}
