/** Runs the work of one key in order, and the work of different keys side by side. */
export class Queues {
  private readonly tails = new Map<string, Promise<void>>();

  /** Adds work behind everything that any of the keys is still doing. The promise settles with the work. */
  add<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const before = Promise.all(keys.map((key) => this.tails.get(key) ?? Promise.resolve()));
    const result = before.then(work);
    const tail = result.then(
      () => undefined,
      () => undefined,
    );
    for (const key of keys) {
      this.tails.set(key, tail);
      // Never rejects: the failure is the caller's, with `result`.
      void tail.then(() => {
        if (this.tails.get(key) === tail) this.tails.delete(key);
      });
    }
    return result;
  }

  /** Resolves when nothing is going on any more. */
  async idle(): Promise<void> {
    while (this.tails.size > 0) await Promise.all(this.tails.values());
  }
}
