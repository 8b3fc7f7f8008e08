import type { ProcessIdentity } from '../process-identity.ts';
import { identify, isAlive } from '../process-identity.ts';

export type Owners = {
  /** Adds an owner, unless the lab stays anyway. A process that is already gone counts as gone. */
  add(pid: number): Promise<void>;
  /**
   * The owner is done, although its process may live on. Says whether it was the last, in which case the lab goes
   * down.
   */
  leave(pid: number): Promise<boolean>;
  /** The lab stays up until `down`, whoever owned it or will want to. */
  keep(): void;
  /** The first owner, for lab.json; null without one. */
  first(): number | null;
  stop(): void;
};

/**
 * Watches the processes that the lab was started for and calls `onAllGone` once, when the last of them is gone. The
 * start time is compared too, so a reused process number does not keep the lab up.
 */
export function watchOwners(onAllGone: () => void, intervalMs = 500): Owners {
  let owners: readonly ProcessIdentity[] = [];
  let owned = false;
  let kept = false;
  const look = async (): Promise<void> => {
    const seen = owners;
    const living: ProcessIdentity[] = [];
    for (const owner of seen) if (await isAlive(owner)) living.push(owner);
    // Somebody was added or released while this looked.
    if (!owned || owners !== seen) return;
    owners = living;
    if (living.length > 0) return;
    owned = false;
    clearInterval(timer);
    onAllGone();
  };
  const timer = setInterval(() => {
    if (owned) void look();
  }, intervalMs);
  timer.unref();
  return {
    add: async (pid) => {
      if (kept) return;
      const identity = await identify(pid);
      owners = identity ? [...owners, identity] : [...owners];
      owned = true;
    },
    leave: async (pid) => {
      const wasOwned = owned;
      owners = owners.filter((owner) => owner.pid !== pid);
      await look();
      return wasOwned && !owned;
    },
    keep: () => {
      kept = true;
      owned = false;
      owners = [];
    },
    first: () => owners[0]?.pid ?? null,
    stop: () => clearInterval(timer),
  };
}
