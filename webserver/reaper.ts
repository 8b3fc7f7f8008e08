import { setInterval } from 'node:timers/promises';
import type { Hosts } from './hosts.ts';

export type Reaper = {
  readonly hosts: Hosts;
  /** A host that was silent for this long is ended. */
  readonly silenceS: number;
  readonly everyMs?: number;
  readonly now?: () => number;
  readonly terminate: (instanceId: string, region: string) => Promise<void>;
  readonly onTerminated: (instanceId: string, error: unknown) => void;
};

/** Those that have been silent for too long. Pure. */
export const silentHosts = (
  hosts: Hosts,
  silenceS: number,
  nowMs: number,
): readonly { instanceId: string; region: string }[] =>
  hosts
    .list()
    .filter(({ lastSeenMs }) => lastSeenMs + silenceS * 1000 <= nowMs)
    .map(({ instanceId, region }) => ({ instanceId, region }));

/** Ends hosts whose heartbeats stopped, until the signal fires. One that cannot be ended now is tried again at the next look. */
export const reapSilentHosts = async (reaper: Reaper, signal: AbortSignal): Promise<void> => {
  const { hosts, silenceS, everyMs = 5000, now = Date.now, terminate, onTerminated } = reaper;
  const reap = async ({ instanceId, region }: { instanceId: string; region: string }): Promise<void> => {
    try {
      await terminate(instanceId, region);
      hosts.forget(instanceId);
      onTerminated(instanceId, null);
    } catch (error) {
      onTerminated(instanceId, error);
    }
  };
  try {
    for await (const _ of setInterval(everyMs, undefined, { signal, ref: false })) {
      await Promise.all(silentHosts(hosts, silenceS, now()).map(reap));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
};
