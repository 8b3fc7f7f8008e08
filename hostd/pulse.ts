import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '#contracts/reason.ts';
import type { DockerClient } from './docker.ts';

const EVERY_MS = 5000;
/** A Docker that is being restarted is away for three seconds; two misses are more than that. */
const MISSES = 2;

export type PulseTimes = { readonly everyMs: number; readonly limitMs: number; readonly killAfterMs: number };
const TIMES: PulseTimes = { everyMs: EVERY_MS, limitMs: EVERY_MS, killAfterMs: 60_000 };

/**
 * Asks Docker every five seconds whether it lives, until the signal fires. `onSilent` hears of a Docker that did not
 * answer twice, at most twenty seconds after its last answer; `onStillSilent` when that goes on for a minute; `onBack`
 * of its first answer after that. Each round that ends, however it ends, is told to `onRound`: whoever watches this
 * loop sees it turn.
 */
export async function followPulse(options: {
  readonly docker: Pick<DockerClient, 'ping'>;
  readonly signal: AbortSignal;
  readonly times?: PulseTimes;
  readonly onRound: () => void;
  readonly onSilent: (why: string) => Promise<void>;
  readonly onStillSilent: () => Promise<void>;
  readonly onBack: () => Promise<void>;
}): Promise<void> {
  const { docker, signal, times = TIMES, onRound, onSilent, onStillSilent, onBack } = options;
  let misses = 0;
  let killAt = Number.POSITIVE_INFINITY;
  while (!signal.aborted) {
    try {
      await docker.ping(times.limitMs);
      if (misses >= MISSES) await onBack();
      misses = 0;
      killAt = Number.POSITIVE_INFINITY;
    } catch (error) {
      misses += 1;
      if (misses === MISSES) {
        killAt = performance.now() + times.killAfterMs;
        await onSilent(reasonOf(error));
      } else if (performance.now() >= killAt) {
        killAt = performance.now() + times.killAfterMs;
        await onStillSilent();
      }
    }
    onRound();
    await sleep(times.everyMs, undefined, { signal }).catch(() => undefined);
  }
}
