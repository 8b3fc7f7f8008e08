import { setTimeout as sleep } from 'node:timers/promises';
import { type EcsHostError, outsideError } from '../io/errors.ts';

const EVERY_MS = 500;
const ANSWER_MS = 5000;
/** Nobody listens, or a connection of before broke; the second try tells. */
const REFUSED = /^(ECONNREFUSED|ECONNRESET|UND_ERR_SOCKET)$/;
const AGAIN_MS = 200;

/** A busy lab takes its time; only where nobody listens any more there is none. */
type Health = 'up' | 'busy' | 'no lab' | 'refused';

async function ask(endpointUrl: string, signal?: AbortSignal): Promise<Health> {
  const limit = AbortSignal.timeout(ANSWER_MS);
  try {
    const answer = await fetch(`${endpointUrl}/_lab/health`, {
      signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
    });
    await answer.body?.cancel();
    return answer.ok ? 'up' : 'no lab';
  } catch (error) {
    const { code = '' } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
    return REFUSED.test(code) ? 'refused' : 'busy';
  }
}

function gone(endpointUrl: string): EcsHostError {
  return outsideError(
    'LAB_GONE',
    `The lab (the embedded EC2) at ${endpointUrl} is gone: it ended, or was killed, in the middle of this.`,
    '`ecs-host lab down` removes what it left; then run this again',
  );
}

/**
 * Watches the lab that a command works with: without it the API never answers again, and Packer alone would wait for
 * minutes. An endpoint that is no lab of this project is not watched.
 */
export class LabWatch implements AsyncDisposable {
  readonly #endpointUrl: string;
  readonly #onGone: (error: EcsHostError) => void;
  readonly #over = new AbortController();
  #watching: Promise<void> = Promise.resolve();

  private constructor(endpointUrl: string, onGone: (error: EcsHostError) => void) {
    this.#endpointUrl = endpointUrl;
    this.#onGone = onGone;
  }

  static async start(endpointUrl: string, onGone: (error: EcsHostError) => void): Promise<LabWatch> {
    const watch = new LabWatch(endpointUrl, onGone);
    if ((await ask(endpointUrl)) === 'up') watch.#watching = watch.#watch();
    else watch.#over.abort();
    return watch;
  }

  /** Asks now, after an error that may come of it. @returns the better reason, or null */
  async verdict(): Promise<EcsHostError | null> {
    return !this.#over.signal.aborted && (await this.#isGone()) ? gone(this.#endpointUrl) : null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await this.#watching;
  }

  async #isGone(): Promise<boolean> {
    if ((await ask(this.#endpointUrl)) !== 'refused') return false;
    await sleep(AGAIN_MS);
    return (await ask(this.#endpointUrl)) === 'refused';
  }

  async #watch(): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      await sleep(EVERY_MS, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted || !(await this.#isGone())) continue;
      this.#onGone(gone(this.#endpointUrl));
      return;
    }
  }
}
