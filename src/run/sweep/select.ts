import { DEV_TAG, TAG, type Tags } from '../tags.ts';
import type { Inventory } from './inventory.ts';

export type ResourceKind =
  | 'instance'
  | 'cluster'
  | 'task definition'
  | 'security group'
  | 'key pair'
  | 'volume'
  | 'image'
  | 'snapshot';

export type Leftover = { readonly kind: ResourceKind; readonly id: string; readonly runId: string };

/** What is known about the run behind a run id. */
export type RunState =
  /** Its process runs, here. */
  | 'alive'
  | 'dead'
  /** Dead, and left for a person to look at. */
  | 'kept'
  /** Somebody else's: another user, another machine, or too young to tell. */
  | 'unknown';

/** The order of removal: nothing is removed while something that uses it is still there. */
export const REMOVAL_ORDER: readonly ResourceKind[] = [
  'instance',
  'cluster',
  'task definition',
  'security group',
  'key pair',
  'volume',
  'image',
  'snapshot',
];

/**
 * An image of a run that ended well, or of a slow layer: never touched here, whatever became of its run; `ecs-host
 * image delete` is for those.
 */
export function isFinishedImage(image: { readonly state: string; readonly tags: Tags }): boolean {
  return image.state === 'available' && (image.tags[TAG.verdict] !== undefined || image.tags[TAG.layer] !== undefined);
}

/** A dev host that its user has: it outlives the run that made it, until its user destroys it. */
function isDevHost({ id, state, tags }: Inventory['instances'][number], finished: ReadonlySet<string>): boolean {
  const isReady = tags[DEV_TAG.ready] !== undefined || finished.has(id);
  return tags[TAG.kind] === 'dev-host' && isReady && state !== 'shutting-down';
}

/**
 * Pure selection: what of the inventory belongs to runs that `stateOf` calls dead, in the order of removal. A run whose
 * dev host lives is not dead, whatever became of its process; one that was never ready is a leftover as any other.
 *
 * @param finished ids of images, snapshots and dev hosts that are known to be finished, though they may not be shown so
 *   yet
 */
export function selectLeftovers(
  inventory: Inventory,
  stateOf: (runId: string, tags: Tags) => RunState,
  finished: ReadonlySet<string> = new Set(),
): Leftover[] {
  const isFinished = (image: Inventory['images'][number]): boolean => isFinishedImage(image) || finished.has(image.id);
  const kept = new Set([...finished, ...inventory.images.filter(isFinished).flatMap((image) => image.snapshotIds)]);
  const devHosts = new Set(
    inventory.instances.filter((each) => isDevHost(each, finished)).map(({ tags }) => tags[TAG.runId]),
  );
  const dead = (tags: Tags): string | null => {
    // A copy carries the run of its bake. One that is under way is its release's, which goes on or removes it.
    if (tags[TAG.release] !== undefined) return null;
    const runId = tags[TAG.runId];
    return runId !== undefined && !devHosts.has(runId) && stateOf(runId, tags) === 'dead' ? runId : null;
  };
  const take = (kind: ResourceKind, resources: readonly { readonly id: string; readonly tags: Tags }[]): Leftover[] =>
    resources.flatMap(({ id, tags }) => {
      const runId = dead(tags);
      return runId === null ? [] : [{ kind, id, runId }];
    });

  const images = inventory.images.filter((image) => !isFinished(image));
  const ofImages = images.flatMap((image) => {
    const runId = dead(image.tags);
    return runId === null ? [] : image.snapshotIds.map((id) => ({ kind: 'snapshot' as const, id, runId }));
  });
  const tagged = take('snapshot', inventory.snapshots);
  const seen = new Set<string>();
  const snapshots = [...ofImages, ...tagged].filter(({ id }) => {
    if (kept.has(id) || seen.has(id)) return false;
    seen.add(id);
    return true;
  });
  const all: Record<ResourceKind, Leftover[]> = {
    instance: take('instance', inventory.instances),
    cluster: take('cluster', inventory.clusters),
    'task definition': take('task definition', inventory.taskDefinitions),
    'security group': take('security group', inventory.securityGroups),
    'key pair': take('key pair', inventory.keyPairs),
    volume: take('volume', inventory.volumes),
    image: take('image', images),
    snapshot: snapshots,
  };
  return REMOVAL_ORDER.flatMap((kind) => all[kind]);
}
