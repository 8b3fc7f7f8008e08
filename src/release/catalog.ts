import { type EC2Client, type Image, paginateDescribeImages } from '@aws-sdk/client-ec2';
import type { Verdict } from '../image/image-record.ts';
import { BAKED_IMAGES, ec2TagsAsObject, TAG, type Tags } from '../run/tags.ts';
import { RELEASE_VERSION, type Release } from './pointer.ts';

/** An image that was baked, in one region, with all that releases and prune ask of it. */
export type CatalogImage = {
  readonly imageId: string;
  readonly imageName: string;
  readonly profile: string;
  /** UTC, ISO 8601. */
  readonly createdAt: string;
  /** EC2's own: `available`, `pending`, `failed`, ... */
  readonly state: string;
  readonly verdict: Verdict;
  /** Since when, and why; null when it was not taken back. */
  readonly withdrawn: string | null;
  readonly copiedFrom: { readonly apiRegion: string; readonly imageId: string } | null;
  /** A copy that is not checked yet. */
  readonly isUnderRelease: boolean;
  readonly snapshotIds: readonly string[];
  /** Against deregistration, in EC2's words; null where there is none. */
  readonly protection: string | null;
  /** When EC2 begins, or began, to hide it from others; null for never. */
  readonly deprecatedAt: string | null;
  /** When an instance, whoever's, was last launched from it, as far as EC2 says; it is a day late. */
  readonly lastLaunchedAt: string | null;
  /** The image that its instance was launched from, or that it is a copy of, as EC2 says it; null where it does not. */
  readonly madeFrom: string | null;
  readonly tags: Tags;
};

function verdictOf(value: string | undefined): Verdict {
  return value === 'passed' || value === 'failed' ? value : 'not-run';
}

function copiedFromOf(value: string | undefined): CatalogImage['copiedFrom'] {
  const [, apiRegion, imageId] = /^([^/]+)\/(ami-\w+)$/.exec(value ?? '') ?? [];
  return apiRegion === undefined || imageId === undefined ? null : { apiRegion, imageId };
}

/** Pure. */
export function catalogImageOf(image: Image): CatalogImage {
  const tags = ec2TagsAsObject(image.Tags);
  const protection = image.DeregistrationProtection ?? 'disabled';
  return {
    imageId: image.ImageId ?? '',
    imageName: image.Name ?? '',
    profile: tags[TAG.profile] ?? '',
    createdAt: image.CreationDate ?? '',
    state: String(image.State ?? ''),
    verdict: verdictOf(tags[TAG.verdict]),
    withdrawn: tags[TAG.withdrawn] ?? null,
    copiedFrom: copiedFromOf(tags[TAG.copiedFrom]),
    isUnderRelease: tags[TAG.release] !== undefined,
    snapshotIds: [...new Set((image.BlockDeviceMappings ?? []).flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []))],
    protection: protection === 'disabled' ? null : protection,
    deprecatedAt: image.DeprecationTime ?? null,
    lastLaunchedAt: image.LastLaunchedTime ?? null,
    madeFrom: image.SourceImageId ?? null,
    tags,
  };
}

/** Why a pointer must not name an image; null for one that it may. The verdict is that of its very region. */
export function blemishOf(image: CatalogImage | undefined): string | null {
  if (image === undefined) return 'it is not there';
  if (image.state !== 'available') return `it is ${image.state}`;
  if (image.withdrawn !== null) return `it was withdrawn: ${image.withdrawn}`;
  if (image.isUnderRelease) return 'it is a copy that is not checked yet';
  if (image.verdict === 'failed') return 'it failed its smoke test';
  return image.verdict === 'passed' ? null : 'no smoke test has judged it in this region';
}

/** What a release says of an image about which no pointer has said anything yet: as much as its tags know. */
export function releaseOfTags(image: CatalogImage): Release {
  return {
    releaseVersion: RELEASE_VERSION,
    imageId: image.imageId,
    imageName: image.imageName,
    planDigest: image.tags[TAG.planDigest] ?? '',
    runId: image.tags[TAG.runId] ?? '',
    commit: image.tags[TAG.commit] ?? '',
    copiedFrom: image.copiedFrom,
    provenBy: image.copiedFrom !== null && image.tags[TAG.smokeRunId] === undefined ? 'snapshot' : 'smoke',
    releasedAt: '',
    previousImageId: null,
  };
}

/** EC2's most. */
const A_PAGE = 1000;

/** Every image of the region that was baked, layers and copies included: a call for each thousand. */
export async function readCatalog(ec2: EC2Client): Promise<CatalogImage[]> {
  const images: Image[] = [];
  const pages = paginateDescribeImages(
    { client: ec2, pageSize: A_PAGE },
    { Owners: ['self'], IncludeDisabled: true, Filters: [BAKED_IMAGES] },
  );
  for await (const page of pages) images.push(...(page.Images ?? []));
  return images.map(catalogImageOf);
}
