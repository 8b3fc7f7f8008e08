import type { StreamReport } from './stream-client.ts';

/** A few frames may be dark or repeat (the first, a dropped one); a picture that is there is there in most. */
const SHARE_NEEDED = 0.9;

type Seen = Pick<StreamReport, 'framesDecoded' | 'blackFrames' | 'changedFrames'>;

/** Pure: whether the pictures show something. */
export function isVisible({ framesDecoded, blackFrames }: Seen): boolean {
  return framesDecoded > 0 && (framesDecoded - blackFrames) / framesDecoded >= SHARE_NEEDED;
}

/** Pure: whether they are pictures of something that goes on. */
export function isMoving({ framesDecoded, changedFrames }: Seen): boolean {
  return framesDecoded > 1 && changedFrames / framesDecoded >= SHARE_NEEDED;
}
