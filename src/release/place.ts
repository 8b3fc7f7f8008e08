import { reasonOf } from '#contracts/reason.ts';
import type { ReleaseClients } from '../aws/release-clients.ts';
import type { HostsConfig } from '../config/hosts-config.ts';
import { EcsHostError, userError } from '../io/errors.ts';
import { explainError } from '../io/explain-error.ts';
import { sideBySide } from '../io/side-by-side.ts';
import { type Selection, select } from '../plan/resolve.ts';

/** A region of hosts.yaml, with clients for its API and the profile that is meant there. */
export type Place = {
  readonly regionName: string;
  readonly apiRegion: string;
  readonly profileName: string;
  readonly clients: ReleaseClients;
};

/** So many regions at once; there are fewer than thirty of them that a CPU could not serve side by side. */
const MOST_AT_ONCE = 32;

/**
 * Which regions are meant: those that are named, or all of hosts.yaml that have the profile. The lab and AWS are two
 * worlds: where none is named and there are both, AWS is meant, unless one endpoint stands in place of all of them.
 *
 * @param names null for all
 * @param oneEndpoint whether AWS_ENDPOINT_URL is set
 * @throws EcsHostError (user) for a name that hosts.yaml has not, for none that fits, and for a mixture
 */
export function regionsMeant(
  config: HostsConfig,
  { names, profile }: { readonly names: readonly string[] | null; readonly profile: string | null },
  oneEndpoint: boolean,
  file: string,
): Selection[] {
  const all = names ?? Object.keys(config.regions);
  const selected = [...new Set(all)].map((region) => select(config, { region, profile }, file));
  const fitting =
    names === null ? selected.filter(({ region, profileName }) => region.profile === profileName) : selected;
  const onAws = fitting.filter(({ region }) => region.lab !== true);
  const isMixed = !oneEndpoint && onAws.length > 0 && onAws.length < fitting.length;
  if (isMixed && names !== null)
    throw userError('USAGE', 'Regions of the lab and of AWS were named together.', 'name those of one of the two');
  if (fitting.length === 0)
    throw userError('REGION_UNKNOWN', `${file} has no region with profile ${profile}.`, 'name regions with --region');
  return isMixed ? onAws : fitting;
}

/** What became of the work in one region; a failure there is no failure of the others. */
export type InPlace<T> = { readonly place: Place } & (
  | { readonly value: T; readonly error: null }
  | { readonly value: null; readonly error: string }
);

function told(error: unknown): string {
  const explained = explainError(error);
  return reasonOf(explained).replace(/\.$/, '');
}

/** Does the same in all regions at once, and tells of each what came of it. */
export async function everywhere<P extends { readonly place: Place }, T>(
  items: readonly P[],
  work: (item: P) => Promise<T>,
): Promise<InPlace<T>[]> {
  return sideBySide(items, MOST_AT_ONCE, async (item): Promise<InPlace<T>> => {
    try {
      return { place: item.place, value: await work(item), error: null };
    } catch (error) {
      return { place: item.place, value: null, error: told(error) };
    }
  });
}

/**
 * Looks at all regions; what cannot be seen in one of them keeps anything from being changed in the others.
 *
 * @throws EcsHostError `RELEASE_UNSEEN` (outside) that names each region and why
 */
export async function lookEverywhere<T>(places: readonly Place[], look: (place: Place) => Promise<T>): Promise<T[]> {
  const looked = await everywhere(
    places.map((place) => ({ place })),
    ({ place }) => look(place),
  );
  const unseen = looked.flatMap(({ place, error }) =>
    error === null ? [] : [{ where: place.regionName, reason: error }],
  );
  if (unseen.length > 0)
    throw new EcsHostError('outside', 'RELEASE_UNSEEN', 'Not every region could be looked at; nothing was changed.', {
      hint: 'name the others with --region, or try again',
      details: unseen,
    });
  return looked.flatMap(({ value }) => (value === null ? [] : [value]));
}
