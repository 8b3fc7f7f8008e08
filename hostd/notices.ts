import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '#contracts/reason.ts';
import { readMetadata } from './imds.ts';
import type { Log } from './log.ts';

const EVERY_MS = 5000;

/** EC2 says that it will take the instance away (spot), or that it probably will (rebalance recommendation). */
export type Notice = { readonly kind: 'interruption' | 'rebalance'; readonly text: string };

const PATHS = [
  ['interruption', '/meta-data/spot/instance-action'],
  ['rebalance', '/meta-data/events/recommendations/rebalance'],
] as const;

/**
 * Asks the metadata service every five seconds, as AWS advises, until there is a notice. Null when the signal fires
 * first. A metadata service that does not answer is no notice.
 */
export async function waitForNotice(options: {
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly endpoint?: string;
  readonly everyMs?: number;
}): Promise<Notice | null> {
  const { log, signal, endpoint, everyMs = EVERY_MS } = options;
  while (!signal.aborted) {
    try {
      for (const [kind, path] of PATHS) {
        const text = await readMetadata(path, endpoint);
        if (text !== null) return { kind, text: text.slice(0, 200) };
      }
    } catch (error) {
      log.once('notices', 'warning', `interruption notices: ${reasonOf(error)}`);
    }
    await sleep(everyMs, undefined, { signal }).catch(() => undefined);
  }
  return null;
}
