import { type Parameter, paginateGetParametersByPath, type SSMClient } from '@aws-sdk/client-ssm';
import { nullable, object, oneOf, parseObject, shapeCheck, TEXT } from '../io/shape.ts';
import { CHANNELS, type Channel, POINTER_ROOT } from './channels.ts';

export const RELEASE_VERSION = 1;

/** What stands beside a pointer, as JSON: at most 4 KiB. */
export type Release = {
  readonly releaseVersion: typeof RELEASE_VERSION;
  readonly imageId: string;
  readonly imageName: string;
  readonly planDigest: string;
  /** Of the bake. */
  readonly runId: string;
  readonly commit: string;
  /** The image that was baked, where this one is a copy of it; null where it is that image. */
  readonly copiedFrom: { readonly imageId: string; readonly apiRegion: string } | null;
  /** How the image was proven in this region: `smoke`, or `snapshot` (the same content as the one that passed). */
  readonly provenBy: 'smoke' | 'snapshot';
  /** UTC, ISO 8601. */
  readonly releasedAt: string;
  /** The image that the pointer named before, or null. */
  readonly previousImageId: string | null;
};

/** A channel of a profile in one region, as SSM has it. */
export type Pointer = {
  readonly profile: string;
  readonly channel: Channel;
  readonly imageId: string;
  /** SSM's own, of the parameter that holds the id: it counts the moves. */
  readonly version: number;
  /** null when it is missing or damaged: the pointer counts all the same. */
  readonly release: Release | null;
};

const problemOf = shapeCheck(
  object({
    releaseVersion: oneOf(RELEASE_VERSION),
    imageId: TEXT,
    imageName: TEXT,
    planDigest: TEXT,
    runId: TEXT,
    commit: TEXT,
    copiedFrom: nullable(object({ imageId: TEXT, apiRegion: TEXT })),
    provenBy: oneOf('smoke', 'snapshot'),
    releasedAt: TEXT,
    previousImageId: nullable(TEXT),
  }),
);

/** The release that a parameter's text tells of, or null when it tells of none. */
export function parseRelease(text: string | undefined): Release | null {
  const value = parseObject(text ?? '');
  return typeof value === 'string' || problemOf(value) !== null ? null : (value as unknown as Release);
}

/** The release of what a pointer names, or null: the id beside it is what counts. */
function releaseIn(text: string | undefined, imageId: string): Release | null {
  const release = parseRelease(text);
  return release?.imageId === imageId ? release : null;
}

const PLACE = new RegExp(`^${POINTER_ROOT}/([^/]+)/(${CHANNELS.join('|')})/(image-id|release)$`);

/** Pure: the pointers among parameters, in the order of profiles and channels; what is no part of one is left alone. */
export function pointersOf(parameters: readonly Parameter[]): Pointer[] {
  const texts = new Map(parameters.map((parameter) => [parameter.Name ?? '', parameter]));
  const pointers = [...texts].flatMap(([name, { Value: imageId = '', Version: version = 0 }]): Pointer[] => {
    const [, profile = '', channel, leaf] = PLACE.exec(name) ?? [];
    if (leaf !== 'image-id') return [];
    const beside = texts.get(`${POINTER_ROOT}/${profile}/${channel}/release`)?.Value;
    return [{ profile, channel: channel as Channel, imageId, version, release: releaseIn(beside, imageId) }];
  });
  const rank = ({ channel }: Pointer): number => CHANNELS.indexOf(channel);
  return pointers.sort((a, b) => a.profile.localeCompare(b.profile) || rank(a) - rank(b));
}

/**
 * The pointers of a region.
 *
 * @param profile null for those of all profiles
 */
export async function readPointers(ssm: SSMClient, profile: string | null = null): Promise<Pointer[]> {
  const parameters: Parameter[] = [];
  const Path = profile === null ? POINTER_ROOT : `${POINTER_ROOT}/${profile}`;
  for await (const page of paginateGetParametersByPath({ client: ssm }, { Path, Recursive: true }))
    parameters.push(...(page.Parameters ?? []));
  return pointersOf(parameters);
}
