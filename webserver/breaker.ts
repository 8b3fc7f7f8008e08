/** More than a fifth of all, and more than two, are no longer single hosts: something that they share is wrong. */
const FRACTION = 0.2;
const FEW = 2;
export const WINDOW_MS = 600_000;
export const HOLD_MS = 30_000;

function isMass(hit: number, all: number): boolean {
  return hit > Math.max(FEW, all * FRACTION);
}

/** What happened to whom in the last ten minutes. */
class Recent {
  readonly #atMs = new Map<string, number>();
  readonly #monotonic: () => number;

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** When it happened to this host first. */
  add(instanceId: string): number {
    this.#forgetOld();
    const atMs = this.#atMs.get(instanceId) ?? this.#monotonic();
    this.#atMs.set(instanceId, atMs);
    return atMs;
  }

  remove(instanceId: string): void {
    this.#atMs.delete(instanceId);
  }

  count(): number {
    this.#forgetOld();
    return this.#atMs.size;
  }

  #forgetOld(): void {
    const sinceMs = this.#monotonic() - WINDOW_MS;
    for (const [instanceId, atMs] of this.#atMs) if (atMs <= sinceMs) this.#atMs.delete(instanceId);
  }
}

/**
 * Stands between the policy and hosts that were granted before. A denial is final for a host, so the first one waits
 * for half a minute, to see whether it is one of many: then the policy is wrong rather than the hosts, and none is
 * final until an operator says so.
 */
export class DenialBreaker {
  readonly #denied: Recent;
  readonly #monotonic: () => number;
  readonly #onTrip: (denied: number, all: number) => void;
  #isTripped = false;
  #resumedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(monotonic: () => number, onTrip: (denied: number, all: number) => void) {
    this.#monotonic = monotonic;
    this.#onTrip = onTrip;
    this.#denied = new Recent(monotonic);
  }

  /** Whether the policy's no to this host, which was granted before and is one of `all`, may be said. */
  mayDeny(instanceId: string, all: number): boolean {
    if (this.#monotonic() < this.#resumedUntilMs) return true;
    const sinceMs = this.#denied.add(instanceId);
    const denied = this.#denied.count();
    if (!this.#isTripped && isMass(denied, all)) {
      this.#isTripped = true;
      this.#onTrip(denied, all);
    }
    return !this.#isTripped && this.#monotonic() - sinceMs >= HOLD_MS;
  }

  granted(instanceId: string): void {
    this.#denied.remove(instanceId);
  }

  /** An operator means it: denials are final for ten minutes, and then the count begins anew. */
  resume(): void {
    this.#isTripped = false;
    this.#resumedUntilMs = this.#monotonic() + WINDOW_MS;
  }
}

/**
 * Stands between silence and the end of hosts: when many are silent at once, it is more likely the webserver, or its
 * network, that is deaf.
 */
export class SilenceBreaker {
  readonly #ended: Recent;
  readonly #monotonic: () => number;
  readonly #onChange: (isTripped: boolean, silent: number, all: number) => void;
  #isTripped = false;
  #resumedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(monotonic: () => number, onChange: (isTripped: boolean, silent: number, all: number) => void) {
    this.#monotonic = monotonic;
    this.#onChange = onChange;
    this.#ended = new Recent(monotonic);
  }

  /**
   * Whether hosts may be ended while so many of `all` are silent. Those that were ended a short time ago count as
   * silent, too.
   */
  mayEnd(silent: number, all: number): boolean {
    if (this.#monotonic() < this.#resumedUntilMs) return true;
    const ended = this.#ended.count();
    const isTripped = isMass(silent + ended, all + ended);
    if (isTripped !== this.#isTripped) this.#onChange(isTripped, silent + ended, all + ended);
    this.#isTripped = isTripped;
    return !isTripped;
  }

  get isTripped(): boolean {
    return this.#isTripped;
  }

  ended(instanceId: string): void {
    this.#ended.add(instanceId);
  }

  /** An operator means it: silent hosts are ended for ten minutes, however many they are. */
  resume(): void {
    this.#isTripped = false;
    this.#resumedUntilMs = this.#monotonic() + WINDOW_MS;
  }
}
