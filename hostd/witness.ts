import { watch } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from './log.ts';
import type { StartRecord, WitnessedStart } from './record.ts';

/** In case the kernel has no watch to give: containers that run as root share root's. */
const EVERY_MS = 500;

/**
 * Takes the witness's starts in as they come, until the signal fires. What cannot be put on the record now (a full
 * disk) waits where the witness wrote it down, and is tried again.
 */
export async function followWitness(options: {
  readonly record: StartRecord;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly onStarts: (starts: readonly WitnessedStart[]) => void;
}): Promise<void> {
  const { record, log, signal, onStarts } = options;
  const look = (): void => {
    try {
      const starts = record.takeIn();
      if (starts.length > 0) onStarts(starts);
      log.once('witness', 'info', 'starts go on the record');
    } catch (error) {
      log.once('witness', 'error', `starts cannot be put on the record: ${String(error)}; trying again`);
    }
  };
  try {
    const watcher = watch(record.spool, { signal }, look);
    watcher.on('error', () => watcher.close());
  } catch (error) {
    log.say('warning', `${record.spool} cannot be watched, so it is looked at twice a second: ${String(error)}`);
  }
  while (!signal.aborted) {
    look();
    await sleep(EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
  // What began just before the gate was shut.
  look();
}
