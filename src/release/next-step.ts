import { TAG, type Tags } from '../run/tags.ts';

/**
 * What a region's image needs next, in the order in which it comes. `lost` and `refused` end the release; `publish` is
 * done only once no region needs anything else.
 */
export const STEPS = [
  'lost',
  'refused',
  'copy',
  'wait',
  'remove',
  'check',
  'prove',
  'share',
  'publish',
  'done',
] as const;
export type Step = (typeof STEPS)[number];

export type SeenImage = {
  readonly imageId: string;
  readonly imageName: string;
  /** EC2's own word. */
  readonly state: string;
  /** Why it failed, where it did. */
  readonly reason: string;
  readonly tags: Tags;
  readonly snapshotIds: readonly string[];
};

/** What a region shows of a release. */
export type Seen = {
  /** The image itself in the region of its bake, its copy in others. */
  readonly image: SeenImage | null;
  /** Whether it is shared, deprecated and protected as the plan has it. */
  readonly isSettled: boolean;
  /** What the channel's pointer names. */
  readonly pointer: string | null;
};

/** What a copy of each state is good for. One that somebody disabled is left as it is. */
const BROKEN: ReadonlyMap<string, Step> = new Map([
  ['failed', 'remove'],
  ['error', 'remove'],
  ['invalid', 'remove'],
  ['deregistered', 'copy'],
]);

/**
 * Pure: what comes next in one region, from what the region shows alone. So whatever was done before a crash is found
 * to be done, and what was only begun is done again; each step may be repeated.
 *
 * @param isSource whether it is the region of the bake, where the image is no copy
 */
export function nextStep({ image, isSettled, pointer }: Seen, isSource: boolean): Step {
  if (image === null) return isSource ? 'lost' : 'copy';
  const { state, tags, imageId } = image;
  if (tags[TAG.withdrawn] !== undefined || tags[TAG.layer] !== undefined) return 'refused';
  if (state === 'pending' || state === 'transient') return 'wait';
  if (state !== 'available') return isSource ? 'lost' : (BROKEN.get(state) ?? 'refused');
  if (!isSource && tags[TAG.release] !== undefined) return 'check';
  if (tags[TAG.verdict] !== 'passed') return 'prove';
  if (!isSettled) return 'share';
  return pointer === imageId ? 'done' : 'publish';
}

/**
 * What is done next: work in some regions side by side, or the move of pointers, or nothing. Regions by their place.
 */
export type Turn = {
  readonly kind: 'work' | 'publish' | 'done';
  readonly regions: readonly number[];
};

/**
 * Pure: what comes next of a whole release. The image is proven where it was baked before anything is copied, and no
 * pointer moves before all regions are ready.
 *
 * @param steps of each region; the first is that of the bake
 */
export function nextTurn([source = 'lost', ...copies]: readonly Step[]): Turn {
  if (source === 'lost' || source === 'refused' || source === 'wait' || source === 'prove')
    return { kind: 'work', regions: [0] };
  const at = (isWanted: (step: Step) => boolean): number[] =>
    [source, ...copies].flatMap((step, place) => (isWanted(step) ? [place] : []));
  const working = at((step) => step !== 'publish' && step !== 'done');
  if (working.length > 0) return { kind: 'work', regions: working };
  const moving = at((step) => step === 'publish');
  return { kind: moving.length > 0 ? 'publish' : 'done', regions: moving };
}
