import { join } from 'node:path';
import { withLock } from '../lock.ts';
import type { LabPaths } from '../paths.ts';
import { endProcess } from './end-process.ts';
import { livingDaemon, readLabRecord } from './records.ts';
import { sweep } from './sweep.ts';

/** A daemon with many machines needs a few seconds; past this it hangs. */
const STOP_LIMIT_MS = 60_000;

export type Down = {
  readonly wasUp: boolean;
  /** What an earlier lab left, or this one when it had to be killed. */
  readonly removed: readonly string[];
};

export function downLine({ wasUp, removed }: Down): string {
  if (wasUp) return 'The lab is down.';
  return removed.length === 0 ? 'The lab was not up.' : 'The lab was not up; what an earlier one left is removed.';
}

/** Stops the lab, and removes whatever an earlier one left. Fine when none is up. */
export function down(paths: LabPaths, progress: (line: string) => void): Promise<Down> {
  return withLock(
    join(paths.state, 'up.lock'),
    async () => {
      const daemon = await livingDaemon(await readLabRecord(paths));
      if (daemon) {
        const how = await endProcess(daemon, STOP_LIMIT_MS);
        if (how === 'killed') progress(`the lab's daemon did not end within ${STOP_LIMIT_MS / 1000} s and was killed`);
      }
      const removed = await sweep(paths);
      for (const line of removed) progress(`removed: ${line}`);
      return { wasUp: daemon !== null, removed };
    },
    (holder) => progress(`waiting for process ${holder}, which is bringing the lab up or down`),
  );
}
