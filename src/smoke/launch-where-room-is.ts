import { waitForAddress } from '../aws/instances.ts';
import { allEnded } from '../io/all-ended.ts';
import type { Reporter } from '../io/reporter.ts';
import { asShortfall, inPlacements, type PlacementLog, Shortfall } from '../plan/fallback.ts';
import type { Releases } from '../run/releases.ts';
import { type LaunchInput, launchInstances, type Wanted } from './launch.ts';

export type Launched = { readonly instanceId: string; readonly address: string };

/** What a placement could not hold in full is gone again before the next is tried. */
async function launchIn(launch: LaunchInput, wanted: Wanted, releases: Releases): Promise<readonly Launched[]> {
  const { clients, signal } = launch;
  const { instanceIds, release } = await launchInstances(launch, wanted);
  // An instance that the region cannot start says nothing about the image, so this is still part of the launch.
  const running = instanceIds.map(async (instanceId) => ({
    instanceId,
    address: await waitForAddress(clients, instanceId, signal),
  }));
  try {
    const launched = await allEnded(running);
    releases.add('the instances', 'in the region', release);
    return launched;
  } catch (error) {
    if (asShortfall(error) instanceof Shortfall) await release();
    else releases.add('the instances', 'in the region', release);
    throw error;
  }
}

/**
 * All instances in one placement, because they are compared with each other; on the list of releases as soon as they
 * are there.
 */
export async function launchWhereRoomIs(
  launch: LaunchInput,
  wanted: Omit<Wanted, 'placement'>,
  { releases, reporter }: { readonly releases: Releases; readonly reporter: Reporter },
): Promise<{ readonly result: readonly Launched[]; readonly placement: PlacementLog }> {
  return inPlacements({ plan: launch.plan, reporter }, (placement) =>
    launchIn(launch, { ...wanted, placement }, releases).catch((error: unknown) => {
      throw asShortfall(error);
    }),
  );
}
