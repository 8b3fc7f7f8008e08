import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '#contracts/reason.ts';
import type { ContainerEvent, DockerClient, Subscription } from './docker.ts';
import type { Log } from './log.ts';

const RETRY_MS = 200;

type Options = {
  readonly docker: Pick<DockerClient, 'subscribe'>;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly onEvent: (event: ContainerEvent) => void;
  /** After each (re)connection: looks at all containers. The first one is what the agent waits for. */
  readonly compare: () => Promise<void>;
  /** Docker does not answer. */
  readonly onLost: () => Promise<void>;
};

/** Keeps a subscription to Docker's events for as long as the signal allows. */
export class Events {
  readonly #options: Options;
  readonly #confirmed = Promise.withResolvers<void>();
  #subscription: Subscription | null = null;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Docker has answered to a subscription, and all containers are known. */
  get confirmed(): Promise<void> {
    return this.#confirmed.promise;
  }

  /** Gives the stream up for a new one. */
  again(): void {
    this.#subscription?.close();
  }

  async run(): Promise<void> {
    const { log, signal } = this.#options;
    const stop = (): void => this.again();
    signal.addEventListener('abort', stop, { once: true });
    while (!signal.aborted) {
      await this.#follow().catch(async (error: unknown) => {
        if (signal.aborted) return;
        log.once('events', 'warning', `Docker's events: ${reasonOf(error)}`);
        this.again();
        await this.#options.onLost();
      });
      await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
    signal.removeEventListener('abort', stop);
  }

  async #follow(): Promise<void> {
    const { docker, log, signal, onEvent, compare } = this.#options;
    this.#subscription = await docker.subscribe(onEvent);
    if (signal.aborted) return this.again();
    await compare();
    this.#confirmed.resolve();
    log.once('events', 'info', "Docker's events are followed");
    await this.#subscription.ended;
    if (!signal.aborted) log.once('events', 'warning', "Docker's event stream ended; subscribing again");
  }
}
