import type { ProcessIdentity } from './process-identity.ts';
import { identify, isAlive } from './process-identity.ts';

export type Owners = {
  /** Adds an owner. A process that is already gone counts as gone. */
  add(pid: number): void;
  /** Nobody owns the lab any more; it stays up until `down`. */
  release(): void;
  /** The first owner that still lives, for lab.json; null without one. */
  first(): number | null;
  stop(): void;
};

/**
 * Watches the processes that the lab was started for and calls `onAllGone` once, when the last of them is gone. The start time is
 * compared too, so a reused process number does not keep the lab up.
 */
export const watchOwners = (onAllGone: () => void, intervalMs = 500): Owners => {
  let owners: ProcessIdentity[] = [];
  let owned = false;
  const timer = setInterval(() => {
    if (!owned) return;
    owners = owners.filter(isAlive);
    if (owners.length > 0) return;
    owned = false;
    clearInterval(timer);
    onAllGone();
  }, intervalMs);
  timer.unref();
  return {
    add: (pid) => {
      const identity = identify(pid);
      owned = true;
      if (identity) owners.push(identity);
    },
    release: () => {
      owned = false;
      owners = [];
    },
    first: () => owners.find(isAlive)?.pid ?? null,
    stop: () => clearInterval(timer),
  };
};
