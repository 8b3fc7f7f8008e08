import type { Channel } from './channels.ts';
import { movePointer } from './move-pointer.ts';
import { everywhere, type Place } from './place.ts';
import type { Release } from './pointer.ts';

/** What is to become of a channel's pointer in one region, as far as a look can tell. */
export type Intent = { readonly place: Place; readonly channel: Channel; readonly from: string | null } & (
  | { readonly what: 'move'; readonly release: Release; readonly passedOver: readonly string[] }
  | { readonly what: 'already' | 'nothing' | 'refused'; readonly reason: string }
);

/** What became of it. */
export type Moved = {
  readonly region: string;
  readonly apiRegion: string;
  readonly profile: string;
  readonly channel: Channel;
  readonly outcome: 'moved' | 'already' | 'nothing' | 'refused' | 'failed';
  readonly from: string | null;
  /** null where the pointer stays as it is. */
  readonly to: string | null;
  readonly reason: string | null;
  /** Earlier images that a rollback did not take, and why. */
  readonly passedOver: readonly string[];
};

/** Moves the pointers that are to be moved, in all regions at once. */
export async function carryOut(intents: readonly Intent[]): Promise<Moved[]> {
  const done = await everywhere(intents, async ({ place, channel, ...intent }) => {
    if (intent.what === 'move') await movePointer(place.clients.ssm, place.profileName, channel, intent.release);
  });
  return intents.map((intent, at): Moved => {
    const { place, channel, from } = intent;
    const where = { region: place.regionName, apiRegion: place.apiRegion, profile: place.profileName, channel, from };
    if (intent.what !== 'move')
      return { ...where, outcome: intent.what, to: null, reason: intent.reason, passedOver: [] };
    const error = done[at]?.error ?? null;
    const { release, passedOver } = intent;
    if (error !== null) return { ...where, outcome: 'failed', to: null, reason: error, passedOver };
    return { ...where, outcome: 'moved', to: release.imageId, reason: null, passedOver };
  });
}
