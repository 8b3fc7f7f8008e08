/** A host that has shown who it is, and that will not serve: it was denied, or its drain has ended. */
export type Departed = {
  readonly instanceId: string;
  readonly region: string;
  readonly why: 'denied' | 'drained';
};

/**
 * Who is to be ended although nobody knows it as a host (any more). In memory only: after a restart of the webserver
 * such a host ends by itself (`powerOffSeconds` of its configuration). Only instances whose document and proof have
 * verified come here, so there are no more entries than instances.
 */
export class Departures {
  readonly #departed = new Map<string, Departed & { readonly atMs: number }>();
  readonly #monotonic: () => number;

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** One that asked again, and was told no again, has its time anew. */
  add(departed: Departed): void {
    this.#departed.set(departed.instanceId, { ...departed, atMs: this.#monotonic() });
  }

  /** It serves, or an operator wants it to. */
  remove(instanceId: string): void {
    this.#departed.delete(instanceId);
  }

  /** Those that left so long ago. */
  since(seconds: number): readonly Departed[] {
    return [...this.#departed.values()].filter(({ atMs }) => atMs + seconds * 1000 <= this.#monotonic());
  }
}
