import type { ProcessIdentity } from '../process-identity.ts';
import { identify, isAlive } from '../process-identity.ts';

export type Owners = {
  /** Adds an owner. A process that is already gone counts as gone. */
  add(pid: number): Promise<void>;
  /** Nobody owns the lab any more; it stays up until `down`. */
  release(): void;
  /** The first owner, for lab.json; null without one. */
  first(): number | null;
  stop(): void;
};

/**
 * Watches the processes that the lab was started for and calls `onAllGone` once, when the last of them is gone. The start time is
 * compared too, so a reused process number does not keep the lab up.
 */
export const watchOwners = (onAllGone: () => void, intervalMs = 500): Owners => {
  let owners: readonly ProcessIdentity[] = [];
  let owned = false;
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
      const identity = await identify(pid);
      owners = identity ? [...owners, identity] : [...owners];
      owned = true;
    },
    release: () => {
      owned = false;
      owners = [];
    },
    first: () => owners[0]?.pid ?? null,
    stop: () => clearInterval(timer),
  };
};
