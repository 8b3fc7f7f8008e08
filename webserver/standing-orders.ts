/**
 * What an operator ordered of an instance, and whom it was last granted to. It outlives the host: goodbyes, the reaper,
 * handshakes.
 */
export type Standing = {
  readonly instanceId: string;
  /** Why the host is to take no more tasks and to stop, or null. */
  readonly drain: string | null;
  /** Why the host is no longer trusted, or null. */
  readonly revoked: string | null;
  /** SHA-256 of the key that was let in last under this instance id, or null. */
  readonly keyHash: string | null;
};

/** Where it survives a restart of the webserver. */
export type StandingStore = {
  loadStanding(): readonly Standing[];
  putStanding(standing: Standing): void;
};

const INSTANCE_ID = /^i-([0-9a-f]{8}|[0-9a-f]{17})$/;

export function isInstanceId(text: string): boolean {
  return INSTANCE_ID.test(text);
}

/**
 * Orders that stand until an operator takes them back, by instance id. An instance id is never given to another
 * instance, so nothing here ends by itself: an entry is some hundred bytes, and only hosts that were granted and orders
 * of operators make one.
 */
export class StandingOrders {
  readonly #standing = new Map<string, Standing>();
  readonly #store: StandingStore | null;

  constructor(store: StandingStore | null) {
    this.#store = store;
    for (const standing of store?.loadStanding() ?? []) this.#standing.set(standing.instanceId, standing);
  }

  of(instanceId: string): Standing {
    return this.#standing.get(instanceId) ?? { instanceId, drain: null, revoked: null, keyHash: null };
  }

  /** The store comes first: when it cannot be written, this throws and memory stays as it was. */
  change(instanceId: string, change: Partial<Omit<Standing, 'instanceId'>>): void {
    const before = this.of(instanceId);
    const after = { ...before, ...change };
    if (after.drain === before.drain && after.revoked === before.revoked && after.keyHash === before.keyHash) return;
    this.#store?.putStanding(after);
    this.#standing.set(instanceId, after);
  }

  /** Instances with an order. */
  list(): readonly Standing[] {
    return [...this.#standing.values()].filter(({ drain, revoked }) => drain !== null || revoked !== null);
  }

  /** What a handshake of this instance is denied with, or null. */
  denialOf(instanceId: string): string | null {
    const { drain, revoked } = this.of(instanceId);
    if (revoked !== null) return `revoked: ${revoked}`;
    return drain === null ? null : `ordered to drain: ${drain}`;
  }
}
