import { setTimeout as sleep } from 'node:timers/promises';
import type { Containers } from './containers.ts';
import type { DockerClient, Subscription } from './docker.ts';
import type { Log } from './log.ts';

const RETRY_MS = 200;

/**
 * Keeps a subscription to Docker's events for as long as the signal allows. At each (re)connection Docker replays its buffer, and all
 * containers that there are get compared: what falls out of the one is in the other. Both may tell of a start that was handled; it is
 * recognised.
 */
export const followEvents = async (options: {
  readonly docker: DockerClient;
  readonly containers: Containers;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly onConfirmed: () => Promise<void>;
  /** Docker does not answer. */
  readonly onLost: () => Promise<void>;
}): Promise<void> => {
  const { docker, containers, log, signal } = options;
  let isFirst = true;
  while (!signal.aborted) {
    let subscription: Subscription | null = null;
    const stop = (): void => subscription?.close();
    try {
      subscription = await docker.subscribe((event) => containers.take(event));
      signal.addEventListener('abort', stop, { once: true });
      await containers.reconcile();
      if (isFirst) {
        isFirst = false;
        await options.onConfirmed();
      } else log.once('events', 'info', "Docker's events are followed again");
      await subscription.ended;
      if (!signal.aborted) log.once('events', 'warning', "Docker's event stream ended; subscribing again");
    } catch (error) {
      if (signal.aborted) return;
      log.once('events', 'warning', `Docker's events: ${error instanceof Error ? error.message : String(error)}`);
      stop();
      await options.onLost();
    } finally {
      signal.removeEventListener('abort', stop);
    }
    await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
  }
};
