import { setTimeout as sleep } from 'node:timers/promises';
import { POWER_OFF_UNIT } from '#contracts/host-service.ts';
import { reasonOf } from '#contracts/reason.ts';
import type { Log } from './log.ts';
import type { Units } from './units.ts';

const TIMER = `${POWER_OFF_UNIT}.timer`;
const RETRY_MS = 30_000;

/**
 * The countdown of a host that was told a final no. It is systemd's timer and not this process's: one that is killed,
 * hangs or crashes again and again neither ends it nor begins it anew. `systemctl reload ecs-host` stops it (the unit
 * does, in whatever phase this service is), and so does a grant.
 */
export class PowerOff {
  readonly #units: Units;
  readonly #log: Log;
  #mayCount = true;

  constructor(units: Units, log: Log) {
    this.#units = units;
    this.#log = log;
  }

  /** Whether an earlier life left one that counts: asked before the handshake, so that a grant is not kept waiting. */
  async look(): Promise<void> {
    this.#mayCount = await this.#isCounting().catch(() => true);
  }

  /** Counts down, unless it does so by now; null ends it. Tries until that is done, or the signal. Never rejects. */
  async begin(afterS: number | null, signal: AbortSignal): Promise<void> {
    for (; !signal.aborted; await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined)) {
      try {
        if (afterS === null) return await this.#stop();
        if (await this.#isCounting()) return;
        this.#mayCount = true;
        await this.#units.startLater(POWER_OFF_UNIT, afterS);
        return this.#log.say('warning', `this host powers off in ${afterS} s, unless it is told to ask again`);
      } catch (error) {
        this.#log.once('power-off', 'error', `it cannot be said when this host powers off: ${reasonOf(error)}`);
      }
    }
  }

  /** Never rejects: the unit does not power off a host whose gate is open. */
  async cancel(): Promise<void> {
    if (!this.#mayCount) return;
    await this.#stop().catch((error: unknown) =>
      this.#log.say('error', `the power-off cannot be taken back: ${reasonOf(error)}`),
    );
  }

  async #isCounting(): Promise<boolean> {
    return (await this.#units.state(TIMER)) === 'active';
  }

  async #stop(): Promise<void> {
    if (await this.#isCounting()) {
      await this.#units.stop([TIMER]);
      this.#log.say('info', 'this host is not powered off');
    }
    this.#mayCount = false;
  }
}
