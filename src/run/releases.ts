import { reasonOf } from '#contracts/reason.ts';
import type { Reporter } from '../io/reporter.ts';

/** What undoes an acquisition; called once, in reverse order. */
export type Release = () => Promise<void>;

/** Everything that a run made, to be released in reverse; a failure to release one thing does not keep the others. */
export class Releases {
  readonly #stack = new AsyncDisposableStack();
  readonly #reporter: Reporter;
  #isKept = false;

  constructor(reporter: Reporter) {
    this.#reporter = reporter;
  }

  /** @param where things in the region stay when the run is kept; those here end with this process anyway */
  add(what: string, where: 'here' | 'in the region', release: Release): void {
    this.#stack.defer(async () => {
      if (where === 'here' || !this.#isKept) await this.#release(what, release);
    });
  }

  /** Leaves what is in the region for a person to look at. */
  keepRegion(): void {
    this.#isKept = true;
  }

  all(): Promise<void> {
    return this.#stack.disposeAsync();
  }

  async #release(what: string, release: Release): Promise<void> {
    try {
      await release();
    } catch (error) {
      const text = `${what} could not be released: ${reasonOf(error)}`;
      this.#reporter.emit({ type: 'warning', code: 'RELEASE_FAILED', text, hint: '`ecs-host sweep` removes it' });
    }
  }
}
