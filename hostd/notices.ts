import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '#contracts/reason.ts';
import { readMetadata } from './imds.ts';
import type { Log } from './log.ts';

const EVERY_MS = 5000;

/**
 * EC2 says that it will take the instance away within two minutes (spot interruption), or that it is more likely than
 * before to do so (rebalance recommendation).
 */
export type Notice = { readonly kind: 'interruption' | 'rebalance' };

const PATHS = [
  ['interruption', '/meta-data/spot/instance-action'],
  ['rebalance', '/meta-data/events/recommendations/rebalance'],
] as const;

/**
 * Asks the metadata service every five seconds, as AWS advises, until the signal fires. Each kind of notice is told
 * once. A metadata service that does not answer is no notice.
 */
export async function watchNotices(options: {
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly onNotice: (notice: Notice) => void;
  readonly endpoint?: string;
  readonly everyMs?: number;
}): Promise<void> {
  const { log, signal, onNotice, endpoint, everyMs = EVERY_MS } = options;
  const told = new Set<Notice['kind']>();
  while (!signal.aborted) {
    try {
      for (const [kind, path] of PATHS) {
        if (told.has(kind) || (await readMetadata(path, endpoint)) === null) continue;
        told.add(kind);
        onNotice({ kind });
      }
    } catch (error) {
      log.once('notices', 'warning', `interruption notices: ${reasonOf(error)}`);
    }
    await sleep(everyMs, undefined, { signal }).catch(() => undefined);
  }
}
