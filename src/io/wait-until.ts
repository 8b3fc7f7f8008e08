import { setTimeout as sleep } from 'node:timers/promises';
import { outsideError } from './errors.ts';

/**
 * Asks until the answer is not null.
 *
 * @throws EcsHostError `SMOKE_TIMEOUT` (outside) that says what was waited for; the signal's reason when aborted
 */
export async function waitUntil<T>(
  what: string,
  ask: () => Promise<T | null>,
  options: { readonly timeoutMs: number; readonly intervalMs: number; readonly signal: AbortSignal },
): Promise<T> {
  const until = performance.now() + options.timeoutMs;
  for (;;) {
    options.signal.throwIfAborted();
    const answer = await ask();
    if (answer !== null) return answer;
    if (performance.now() > until) {
      throw outsideError('SMOKE_TIMEOUT', `Waited ${Math.round(options.timeoutMs / 1000)} s in vain: ${what}.`);
    }
    await sleep(options.intervalMs, undefined, { signal: options.signal }).catch(() => options.signal.throwIfAborted());
  }
}
