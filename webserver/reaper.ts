import { setInterval } from 'node:timers/promises';
import type { Host, Hosts } from './hosts.ts';

export type Reaper = {
  readonly hosts: Hosts;
  /** A host that was silent for this long is ended. */
  readonly silenceS: number;
  readonly everyMs?: number;
  readonly terminate: (instanceId: string, region: string) => Promise<void>;
  /** Told when a host was ended, and why it could not be whenever that is news. */
  readonly onTerminated: (instanceId: string, problem: string | null) => void;
};

/** Ends hosts whose heartbeats stopped, until the signal fires. One that cannot be ended now is tried again at the next look. */
export const reapSilentHosts = async (reaper: Reaper, signal: AbortSignal): Promise<void> => {
  const { hosts, silenceS, everyMs = 5000, terminate, onTerminated } = reaper;
  const problems = new Map<string, string>();
  const reap = async ({ instanceId, region }: Host): Promise<void> => {
    try {
      await terminate(instanceId, region);
      problems.delete(instanceId);
      hosts.forget(instanceId);
      onTerminated(instanceId, null);
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      if (problems.get(instanceId) === problem) return;
      problems.set(instanceId, problem);
      onTerminated(instanceId, problem);
    }
  };
  try {
    for await (const _ of setInterval(everyMs, undefined, { signal, ref: false }))
      await Promise.all(hosts.silentFor(silenceS).map(reap));
  } catch (error) {
    if (!signal.aborted) throw error;
  }
};
