import { setTimeout as sleep } from 'node:timers/promises';
import { firstLine, reasonOf } from '#contracts/reason.ts';
import type { DockerClient } from './docker.ts';
import type { Draining } from './draining.ts';
import type { Log } from './log.ts';
import type { Notice } from './notices.ts';
import { AGENT_UNIT, CONTAINERD_UNIT, type Units } from './units.ts';

const POLL_MS = 500;
/** For how long ECS is asked to drain: an agent that has just started is registered a moment later. */
const ASK_MS = 10_000;
/** A stop that takes its time tells systemd so, again and again. */
const EXTEND_MS = 30_000;

/** Why a host leaves. Only after `stop` does the service end; after the others it stays, with its gate shut. */
export type Leave = {
  readonly cause: 'stop' | 'drain' | 'revoked' | Notice['kind'];
  readonly reason: string;
  /**
   * The webserver's order to this very host, which holds over the end of this life; a denial of a handshake is asked
   * about again.
   */
  readonly isOrder?: boolean;
};

/**
 * An abort with its cause; the first one counts. What has to happen before anything is waited for happens in `onBegin`,
 * synchronously.
 */
export class Leaving {
  readonly #controller = new AbortController();
  readonly #onBegin: (leave: Leave) => void;
  leave: Leave | null = null;

  constructor(onBegin: (leave: Leave) => void) {
    this.#onBegin = onBegin;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  begin(leave: Leave): void {
    // A host that drains can still be revoked, once.
    if (this.leave !== null && (leave.cause !== 'revoked' || this.leave.cause === 'revoked')) return;
    this.leave = leave;
    this.#onBegin(leave);
    this.#controller.abort();
  }
}

type Farewell = {
  readonly docker: Pick<DockerClient, 'runningTasks'>;
  readonly units: Units;
  readonly log: Log;
  readonly extend: (ms: number) => void;
};

/**
 * ECS is told to send no more tasks, when the agent can say which container instance it is. Never throws: leaving goes
 * on.
 */
export async function drainInEcs(
  { units, log }: Pick<Farewell, 'units' | 'log'>,
  draining: Draining,
  limitMs: number,
): Promise<void> {
  if (!draining.isKnown() && (await units.state(AGENT_UNIT).catch(() => 'unknown')) !== 'active') return;
  const until = performance.now() + Math.min(limitMs, ASK_MS);
  for (;;) {
    try {
      await draining.begin();
      return log.say('info', 'ECS sends no more tasks');
    } catch (error) {
      if (performance.now() + POLL_MS >= until)
        return log.say('warning', `the container instance could not be drained in ECS: ${firstLine(reasonOf(error))}`);
      await sleep(POLL_MS);
    }
  }
}

/** Waits until no task runs, or the limit is over. Never throws. */
export async function waitForTasks(
  { docker, log, extend }: Farewell,
  limitMs: number,
  onWaiting: (tasks: number) => void,
): Promise<void> {
  const until = performance.now() + limitMs;
  for (let last = -1; ; ) {
    const tasks = await docker.runningTasks().catch(() => []);
    if (tasks.length === 0) return;
    if (performance.now() >= until)
      return log.say('warning', `${tasks.length} tasks still run and had their time; they are stopped`);
    if (tasks.length !== last) onWaiting(tasks.length);
    last = tasks.length;
    extend(EXTEND_MS);
    await sleep(POLL_MS);
  }
}

function stop({ units, log }: Pick<Farewell, 'units' | 'log'>, unit: string, noBlock = false): Promise<void> {
  return units.stop([unit], { noBlock }).catch((error: unknown) => log.say('warning', firstLine(reasonOf(error))));
}

export function stopAgent(parts: Pick<Farewell, 'units' | 'log'>): Promise<void> {
  return stop(parts, AGENT_UNIT);
}

/**
 * Down with whatever the gate guards; what does not run is no error. The socket is not waited for: it is part of
 * sockets.target, so at shutdown it ends only after this service has. With the gate shut it wakes nobody.
 */
export async function stopGuarded(parts: Pick<Farewell, 'units' | 'log'>): Promise<void> {
  await stopAgent(parts);
  await stop(parts, 'docker.socket', true);
  await stop(parts, 'docker.service');
  await stop(parts, CONTAINERD_UNIT);
}
