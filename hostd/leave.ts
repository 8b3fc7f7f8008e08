import { setTimeout as sleep } from 'node:timers/promises';
import type { DockerClient } from './docker.ts';
import type { Draining } from './draining.ts';
import type { Log } from './log.ts';
import type { Units } from './units.ts';

export const AGENT_UNIT = 'ecs.service';

const POLL_MS = 500;
/** For how long ECS is asked to drain: an agent that has just started is registered a moment later. */
const ASK_MS = 10_000;

/** Why a host leaves. Only after `stop` does the service end; after the others it stays, with its gate shut. */
export type Leave = {
  readonly cause: 'stop' | 'drain' | 'revoked' | 'interruption';
  readonly reason: string;
};

const message = (error: unknown): string =>
  error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);

/** Drains the container instance in ECS and waits until no task runs, or the limit is over. Never throws: leaving goes on. */
export const drainTasks = async (options: {
  readonly draining: Draining;
  readonly docker: Pick<DockerClient, 'runningTasks'>;
  readonly units: Units;
  readonly region: string;
  readonly limitMs: number;
  readonly log: Log;
  readonly onWaiting: (tasks: number) => Promise<void>;
}): Promise<void> => {
  const { draining, docker, units, region, limitMs, log, onWaiting } = options;
  if ((await units.state(AGENT_UNIT).catch(() => 'unknown')) !== 'active') return;
  const from = performance.now();
  const until = from + limitMs;
  for (;;) {
    try {
      await draining.begin(region);
      log.say('info', 'ECS sends no more tasks');
      break;
    } catch (error) {
      if (performance.now() + POLL_MS < Math.min(until, from + ASK_MS)) {
        await sleep(POLL_MS);
        continue;
      }
      log.say('warning', `the container instance could not be drained in ECS: ${message(error)}`);
      break;
    }
  }
  for (let last = -1; ; ) {
    const tasks = await docker.runningTasks().catch(() => []);
    if (tasks.length === 0) return;
    if (performance.now() >= until) {
      log.say('warning', `${tasks.length} tasks still run after ${limitMs / 1000} s; they are stopped`);
      return;
    }
    if (tasks.length !== last) await onWaiting(tasks.length);
    last = tasks.length;
    await sleep(POLL_MS);
  }
};

/**
 * Down with whatever the gate guards; what does not run is no error. The socket is not waited for: it is part of sockets.target, so at
 * shutdown it ends only after this service has. With the gate shut it wakes nobody.
 */
export const stopGuarded = async ({ units, log }: { readonly units: Units; readonly log: Log }): Promise<void> => {
  const stop = (unit: string, options?: { readonly noBlock: boolean }): Promise<void> =>
    units.stop([unit], options).catch((error: unknown) => log.say('warning', message(error)));
  await stop(AGENT_UNIT);
  await stop('docker.socket', { noBlock: true });
  await stop('docker.service');
};
