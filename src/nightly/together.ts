/** At most so many works at once; the others wait in the order in which they came. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async use<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}

/** Where several meet: nobody goes on before each has arrived, or has ended without going on. */
export class Meeting<Guest> {
  readonly #missing: Set<Guest>;
  readonly #met = Promise.withResolvers<void>();

  constructor(guests: readonly Guest[]) {
    this.#missing = new Set(guests);
  }

  /** May be said again; who does not go on need not wait for the others. */
  arrive(guest: Guest): Promise<void> {
    this.#missing.delete(guest);
    if (this.#missing.size === 0) this.#met.resolve();
    return this.#met.promise;
  }
}
