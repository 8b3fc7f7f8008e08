/** Docker tells of a start within milliseconds; a busy one within seconds. */
const LATE_MS = 10_000;
/** More are not needed to find a stream that is silent. */
const MOST = 64;

/** Finds an event stream that is silent although containers start: the witness saw a start of which no event came. */
export class Stall {
  readonly #awaited = new Map<string, number>();
  readonly #lateMs: number;

  constructor(lateMs: number = LATE_MS) {
    this.#lateMs = lateMs;
  }

  witnessed(id: string): void {
    if (this.#awaited.size < MOST) this.#awaited.set(id, performance.now() + this.#lateMs);
  }

  /** Docker told something of it. */
  told(id: string): void {
    this.#awaited.delete(id);
  }

  /**
   * An id whose event is late although Docker says that it runs, or null. One that does not run may never have started,
   * and its event may be one that Docker does not send: it is awaited no longer.
   */
  async late(isRunning: (id: string) => Promise<boolean>): Promise<string | null> {
    for (const [id, until] of this.#awaited) {
      if (until > performance.now()) continue;
      this.#awaited.delete(id);
      if (await isRunning(id)) return id;
    }
    return null;
  }
}
