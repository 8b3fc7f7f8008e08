import { setTimeout as sleep } from 'node:timers/promises';
import type { Containers } from './containers.ts';
import type { DockerClient, Subscription } from './docker.ts';
import type { Log } from './log.ts';

const RETRY_MS = 200;

/**
 * Keeps a subscription to Docker's events for as long as the service runs. After every break it asks again from a moment before the last
 * event, and compares with the list of running containers; handling is idempotent, so overlap does no harm.
 */
export const followEvents = async (options: {
  docker: DockerClient;
  containers: Containers;
  log: Log;
  signal: AbortSignal;
  onConfirmed: () => Promise<void>;
}): Promise<void> => {
  const { docker, containers, log, signal } = options;
  const handle = (work: Promise<void>): void => {
    work.catch((error: unknown) =>
      log.say(
        'error',
        `a container event could not be handled: ${error instanceof Error ? error.message : String(error)}`,
      ),
    );
  };
  let sinceS = Math.floor(Date.now() / 1000) - 1;
  let isFirst = true;
  while (!signal.aborted) {
    let subscription: Subscription | null = null;
    const stop = (): void => subscription?.close();
    try {
      const askedAtS = Math.floor(Date.now() / 1000) - 1;
      subscription = await docker.subscribe(sinceS, {
        start: (event) => handle(containers.started(event)),
        die: (event) => handle(containers.died(event)),
      });
      signal.addEventListener('abort', stop, { once: true });
      for (const running of await docker.running()) handle(containers.started(running));
      if (isFirst) {
        isFirst = false;
        await options.onConfirmed();
      }
      await subscription.ended;
      sinceS = askedAtS;
      if (!signal.aborted) log.once('events', 'warning', "Docker's event stream ended; subscribing again");
    } catch (error) {
      if (signal.aborted) return;
      log.once('events', 'warning', `Docker's events: ${error instanceof Error ? error.message : String(error)}`);
      stop();
    } finally {
      signal.removeEventListener('abort', stop);
    }
    await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
  }
};
