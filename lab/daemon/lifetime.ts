import { Cleanup } from './cleanup.ts';

/** When and how the daemon ends: once, whoever asks, with everything that was acquired released in reverse order. */
export class Lifetime {
  readonly cleanup: Cleanup;
  readonly stopped: Promise<void>;
  readonly #log: (line: string) => void;
  readonly #announceStopped: () => void;
  #stopping: Promise<void> | null = null;

  constructor(log: (line: string) => void) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#log = log;
    this.cleanup = new Cleanup(log);
    this.stopped = promise;
    this.#announceStopped = resolve;
  }

  readonly stop = (why: string): Promise<void> => {
    this.#stopping ??= this.#goDown(why);
    return this.#stopping;
  };

  /** The daemon is of no use without that process. */
  endWith(what: string, ended: Promise<unknown>): void {
    // Going down logs its own failures.
    void ended.then((how) => {
      if (!this.#stopping) void this.stop(`${what} ended unexpectedly (${String(how ?? 'no reason')})`);
    });
  }

  /** After a failed start: releases what was there already. Nobody is told that a lab stopped, since none was up. */
  async abandon(): Promise<void> {
    this.#stopping ??= this.cleanup.run();
    await this.#stopping;
  }

  async #goDown(why: string): Promise<void> {
    this.#log(`going down: ${why}`);
    await this.cleanup.run();
    this.#log('down');
    this.#announceStopped();
  }
}
