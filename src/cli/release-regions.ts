import { endpointFromEnvironment } from '../aws/endpoint.ts';
import { createReleaseClients } from '../aws/release-clients.ts';
import { loadConfig } from '../config/load.ts';
import { type Place, regionsMeant } from '../release/place.ts';
import { type Argv, listOf, textOf } from './arguments.ts';
import { withApi } from './connect.ts';
import type { Session } from './session.ts';

/** Which regions a verb is for: those of `--region`, or null for all that have the profile. */
export function regionNames(argv: Argv): string[] | null {
  return listOf(argv, 'region');
}

/**
 * Runs `work` with clients for every region that is meant, all of one world: AWS, or the lab, which is started once.
 *
 * @param names null for all regions of hosts.yaml that have the profile
 */
export async function withPlaces<T>(
  session: Session,
  argv: Argv,
  names: readonly string[] | null,
  work: (places: readonly Place[], endpointUrl: string | null) => Promise<T>,
): Promise<T> {
  const { config, file } = await loadConfig(textOf(argv, 'config') ?? 'hosts.yaml');
  const profile = textOf(argv, 'profile');
  const selections = regionsMeant(config, { names, profile }, endpointFromEnvironment() !== null, file);
  const targets = selections.map(({ regionName, region, profileName }) => {
    return { regionName, profileName, apiRegion: region.apiRegion ?? regionName, isLab: region.lab === true };
  });
  const [first] = targets;
  if (first === undefined) throw new Error('regionsMeant named no region');
  return withApi(session, { ...first, isLab: targets.every(({ isLab }) => isLab) }, async ({ endpointUrl, keys }) => {
    using owned = new DisposableStack();
    const places = targets.map(({ regionName, profileName, apiRegion }): Place => {
      const clients = owned.use(createReleaseClients({ apiRegion, endpointUrl }, keys));
      return { regionName, profileName, apiRegion, clients };
    });
    return work(places, endpointUrl);
  });
}

/** Each API once: two regions of hosts.yaml may be the same one, with other profiles. */
export function onePerApi(places: readonly Place[]): Place[] {
  return [...new Map(places.toReversed().map((place) => [place.apiRegion, place])).values()].toReversed();
}
