import { stopAgent } from './leave.ts';
import { liveOnce } from './life.ts';
import type { Parts } from './parts.ts';

const LOOK_EVERY_MS = 1000;

/** What reaches the service from outside: the end, and being told to ask again after a final no. */
export type Signals = {
  readonly stop: AbortSignal;
  /** Resolves at the next "ask again" (SIGHUP). */
  readonly askAgain: () => Promise<void>;
};

/**
 * A gate that is shut stays shut: what somebody else put there is no lease of this service, and an agent that runs
 * behind it is stopped.
 */
function keepShut({ gate, log, units }: Parts): void {
  if (!gate.removeForged()) return;
  log.say('error', 'somebody else opened the gate; it is shut again');
  void stopAgent({ units, log });
}

/**
 * The host service, from boot to stop. The order is the design: handshake, Docker, events, agent. Returns when it is
 * stopped and everything that it started is down again with the gate shut. A final no (denied, revoked, drained) leaves
 * it waiting to be told to ask again; an operator who does so takes back what the webserver had ordered.
 */
export async function runService(parts: Parts, signals: Signals): Promise<void> {
  const { state, notify, log, orders } = parts;
  const { stop } = signals;
  notify.ready();
  parts.watchdog.start();
  const looking = setInterval(() => keepShut(parts), LOOK_EVERY_MS);
  try {
    while (!stop.aborted) {
      let told: Promise<void> | null = null;
      const end = await liveOnce(parts, stop, () => {
        told ??= signals.askAgain();
      });
      if (end === null || stop.aborted) break;
      // Listened for before the state says so: whoever sees it may answer at once.
      told ??= signals.askAgain();
      const stopped = new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve(), { once: true }));
      const { phase, why, powerOffSeconds } = end;
      const otherwise = powerOffSeconds === null ? '' : `, else it powers off within ${powerOffSeconds} s`;
      await state.enter(phase, `${why}; \`systemctl reload ecs-host\` asks again${otherwise}`);
      if (stop.aborted) break;
      const waiting = new AbortController();
      const counting = parts.powerOff.begin(powerOffSeconds, waiting.signal);
      await Promise.race([told, stopped]);
      waiting.abort();
      await counting;
      if (stop.aborted) break;
      log.say('info', 'told to ask again');
      orders.forget();
    }
    notify.stopping();
    await state.enter('stopped', 'stopped');
  } catch (error) {
    parts.gate.shut();
    await state.update({ gate: 'shut' });
    await state.enter('failed', 'failed; see the journal');
    throw error;
  } finally {
    clearInterval(looking);
  }
}
