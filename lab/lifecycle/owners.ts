import type { ProcessIdentity } from '../process-identity.ts';
import { identify, isAlive } from '../process-identity.ts';

/**
 * Whom the lab was started for: processes, and instances that are to outlive the command that made them. Calls
 * `onAllGone` once, when the last of them is gone. The start time of a process is compared too, so a reused process
 * number does not keep the lab up.
 */
export class Owners {
  readonly #onAllGone: () => void;
  readonly #timer: NodeJS.Timeout;
  #processes: readonly ProcessIdentity[] = [];
  readonly #instances = new Set<string>();
  #owned = false;
  #kept = false;

  constructor(onAllGone: () => void, intervalMs = 500) {
    this.#onAllGone = onAllGone;
    this.#timer = setInterval(() => void this.#look(), intervalMs);
    this.#timer.unref();
  }

  /** Adds an owner, unless the lab stays anyway. A process that is already gone counts as gone. */
  async add(pid: number): Promise<void> {
    if (this.#kept) return;
    const identity = await identify(pid);
    this.#processes = identity ? [...this.#processes, identity] : [...this.#processes];
    this.#owned = true;
  }

  /**
   * The lab stays up until `instanceGone`, also when the instance is stopped.
   *
   * @param isThere asked once the instance counts, so that one that goes meanwhile is not waited for for ever
   * @returns whether there is such an instance
   */
  async addInstance(instanceId: string, isThere: () => Promise<boolean>): Promise<boolean> {
    const wasOwner = this.#instances.has(instanceId);
    this.#instances.add(instanceId);
    if (await isThere().catch(() => wasOwner)) return this.#instances.has(instanceId);
    this.#instances.delete(instanceId);
    return false;
  }

  instanceGone(instanceId: string): void {
    this.#instances.delete(instanceId);
  }

  /**
   * The owner is done, although its process may live on. Says whether it was the last, in which case the lab goes
   * down.
   */
  async leave(pid: number): Promise<boolean> {
    const wasOwned = this.#owned;
    this.#processes = this.#processes.filter((owner) => owner.pid !== pid);
    await this.#look();
    return wasOwned && !this.#owned;
  }

  /** The lab stays up until `down`, whoever owned it or will want to. */
  keep(): void {
    this.#kept = true;
    this.#owned = false;
    this.#processes = [];
  }

  /** The first process, for lab.json; null without one. */
  first(): number | null {
    return this.#processes[0]?.pid ?? null;
  }

  instances(): readonly string[] {
    return [...this.#instances];
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const seen = this.#processes;
    if (!this.#owned) return;
    const living: ProcessIdentity[] = [];
    for (const owner of seen) if (await isAlive(owner)) living.push(owner);
    // Somebody was added or released while this looked.
    if (!this.#owned || this.#processes !== seen) return;
    this.#processes = living;
    if (living.length > 0 || this.#instances.size > 0) return;
    this.#owned = false;
    this.stop();
    this.#onAllGone();
  }
}
