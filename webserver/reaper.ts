import { setInterval } from 'node:timers/promises';
import { reasonOf } from '#contracts/reason.ts';
import type { SilenceBreaker } from './breaker.ts';
import type { Departed } from './departed.ts';
import type { Host, Hosts } from './hosts.ts';

export type ReapedFor = 'silent' | Departed['why'];

export type Reaper = {
  readonly hosts: Hosts;
  /** A host that was silent for this long is ended, and so is one that was denied or drained this long ago. */
  readonly silenceS: number;
  readonly everyMs?: number;
  /** Holds back while many are silent. */
  readonly breaker: SilenceBreaker;
  readonly terminate: (instanceId: string, region: string) => Promise<void>;
  readonly monotonic?: () => number;
  /** Told when a host was ended, and why it could not be: when that is news, and again after an hour. */
  readonly onTerminated: (instanceId: string, problem: string | null, why: ReapedFor) => void;
};

/** Heartbeats come every 55 to 65 s, and may take some seconds. */
const QUIET_S = 90;
/** A problem that was said once and then lasts (credentials that ended) is forgotten by whoever reads the log. */
const SAY_AGAIN_MS = 3_600_000;

/**
 * How many hosts are quiet, of how many. Those that have only missed a heartbeat count, too: when all fall silent at
 * once, they do not run out of their time at once. Those that an operator has revoked do not count: their silence is
 * meant.
 */
function quietOf(hosts: Hosts, silenceS: number): [quiet: number, all: number] {
  const count = (list: readonly Host[]): number =>
    list.filter(({ instanceId }) => hosts.orders.of(instanceId).revoked === null).length;
  return [count(hosts.silentFor(Math.min(silenceS, QUIET_S))), count(hosts.list())];
}

/**
 * Ends hosts whose heartbeats stopped, and those that were told a final no, until the signal fires. One that cannot be
 * ended now is tried again at the next look.
 */
export async function reapSilentHosts(reaper: Reaper, signal: AbortSignal): Promise<void> {
  const { hosts, silenceS, everyMs = 5000, breaker, terminate, onTerminated } = reaper;
  const { monotonic = () => performance.now() } = reaper;
  const problems = new Map<string, { readonly problem: string; readonly saidMs: number }>();
  const reap = async ({ instanceId, region }: Pick<Host, 'instanceId' | 'region'>, why: ReapedFor): Promise<void> => {
    try {
      await terminate(instanceId, region);
      problems.delete(instanceId);
      if (why === 'silent') breaker.ended(instanceId);
      hosts.forget(instanceId);
      onTerminated(instanceId, null, why);
    } catch (error) {
      const problem = reasonOf(error);
      const said = problems.get(instanceId);
      if (said?.problem === problem && monotonic() - said.saidMs < SAY_AGAIN_MS) return;
      problems.set(instanceId, { problem, saidMs: monotonic() });
      onTerminated(instanceId, problem, why);
    }
  };
  try {
    for await (const _ of setInterval(everyMs, undefined, { signal, ref: false })) {
      const silent = hosts.silentFor(silenceS);
      if ((silent.length > 0 || breaker.isTripped) && breaker.mayEnd(...quietOf(hosts, silenceS)))
        await Promise.all(silent.map((host) => reap(host, 'silent')));
      // An operator meant it, so it is no matter how many they are.
      await Promise.all(hosts.departures.since(silenceS).map((departed) => reap(departed, departed.why)));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
