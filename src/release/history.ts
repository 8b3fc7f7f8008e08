import {
  type GetParameterHistoryCommandInput,
  type ParameterHistory,
  paginateGetParameterHistory,
  type SSMClient,
} from '@aws-sdk/client-ssm';
import { isGone } from '../aws/removal.ts';
import { type Channel, pointerNames } from './channels.ts';
import { parseRelease, type Release } from './pointer.ts';

/** What SSM remembers of a pointer: the last hundred values of each of its two parameters, oldest first. */
export type PointerHistory = {
  readonly imageIds: readonly string[];
  /** Those that can be read. */
  readonly releases: readonly Release[];
};

/**
 * Pure: what a pointer named before the image that it names now, newest first, each once. Every release says what came
 * before it, and a rollback writes what came before the image that it goes back to: so the releases are a list that is
 * walked back, and what was rolled back from is not on it (docs/decisions/0183). Where a release is missing, the values
 * of the pointer itself are read backwards.
 */
export function predecessorsOf(current: string, { imageIds, releases }: PointerHistory): string[] {
  const found = new Set<string>();
  let at = current;
  // Always further back, so that a circle (an image that was released twice) ends.
  for (let before = releases.length; ; ) {
    before = releases.slice(0, before).findLastIndex(({ imageId }) => imageId === at);
    const previous = releases[before]?.previousImageId;
    if (previous === null) break;
    if (previous === undefined) {
      const older = imageIds.slice(0, Math.max(0, imageIds.lastIndexOf(at))).toReversed();
      for (const imageId of older) found.add(imageId);
      break;
    }
    found.add(previous);
    at = previous;
  }
  found.delete(current);
  return [...found];
}

/** What the pointer's last move took back, or null when it was a move forward. */
export function takenBackBy(current: string, { imageIds, releases }: PointerHistory): Release | null {
  const left = imageIds.at(-2);
  const now = releases.findLast(({ imageId }) => imageId === current);
  if (left === undefined || imageIds.at(-1) !== current || now === undefined || now.previousImageId === left)
    return null;
  return releases.findLast(({ imageId }) => imageId === left) ?? null;
}

async function valuesOf(ssm: SSMClient, name: string): Promise<string[]> {
  const versions: ParameterHistory[] = [];
  const input: GetParameterHistoryCommandInput = { Name: name };
  try {
    for await (const page of paginateGetParameterHistory({ client: ssm, pageSize: 50 }, input))
      versions.push(...(page.Parameters ?? []));
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  return versions.sort((a, b) => (a.Version ?? 0) - (b.Version ?? 0)).map(({ Value }) => Value ?? '');
}

/** The history of a channel's pointer; an empty one where nothing was ever released there. */
export async function readHistory(ssm: SSMClient, profile: string, channel: Channel): Promise<PointerHistory> {
  const names = pointerNames(profile, channel);
  const [imageIds, texts] = await Promise.all([valuesOf(ssm, names.imageId), valuesOf(ssm, names.release)]);
  return { imageIds, releases: texts.flatMap((text) => parseRelease(text) ?? []) };
}
