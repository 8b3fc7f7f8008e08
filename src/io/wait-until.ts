import { setTimeout as sleep } from 'node:timers/promises';
import { outsideError } from './errors.ts';

export type PollOptions = {
  readonly timeoutMs: number;
  readonly intervalMs: number;
  /** Each pause is longer than the one before by this factor, up to `maxIntervalMs`. */
  readonly growth?: number;
  readonly maxIntervalMs?: number;
  readonly signal?: AbortSignal;
};

/**
 * Asks until the answer is not null. The only loop of `src` that waits by asking.
 *
 * @returns null when the time was over; what `ask` throws ends the waiting
 * @throws the signal's reason when aborted
 */
export async function poll<T>(ask: () => T | null | Promise<T | null>, options: PollOptions): Promise<T | null> {
  const { timeoutMs, growth = 1, maxIntervalMs = Number.POSITIVE_INFINITY, signal } = options;
  const until = performance.now() + timeoutMs;
  for (let pauseMs = options.intervalMs; ; pauseMs = Math.min(pauseMs * growth, maxIntervalMs)) {
    signal?.throwIfAborted();
    const answer = await ask();
    if (answer !== null) return answer;
    if (performance.now() > until) return null;
    await sleep(pauseMs, undefined, signal === undefined ? {} : { signal }).catch(() => signal?.throwIfAborted());
  }
}

/**
 * Asks until the answer is not null, for what has to come.
 *
 * @throws EcsHostError `SMOKE_TIMEOUT` (outside) that says what was waited for; the signal's reason when aborted
 */
export async function waitUntil<T>(what: string, ask: () => Promise<T | null>, options: PollOptions): Promise<T> {
  const answer = await poll(ask, options);
  if (answer !== null) return answer;
  throw outsideError('SMOKE_TIMEOUT', `Waited ${Math.round(options.timeoutMs / 1000)} s in vain: ${what}.`);
}
