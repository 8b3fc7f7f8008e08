import { stackOf } from '../reason.ts';
import { Queues } from './queues.ts';

/** Work that a call began and does not wait for: in order for each machine and disk, and with its end in the log. */
export class BackgroundWork {
  readonly #queues = new Queues();
  readonly #log: (line: string) => void;

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  start(keys: readonly string[], what: string, work: () => Promise<void>): void {
    const begun = Date.now();
    this.#queues.add(keys, work).then(
      () => this.#log(`${what}: done in ${Date.now() - begun} ms`),
      (error: unknown) => this.#log(`${what}: FAILED: ${stackOf(error)}`),
    );
  }

  /** For what the caller of the API may rely on as soon as it has its answer. */
  waitFor(keys: readonly string[], work: () => Promise<void>): Promise<void> {
    return this.#queues.add(keys, work);
  }

  idle(): Promise<void> {
    return this.#queues.idle();
  }
}
