import { writeFile } from 'node:fs/promises';
import type { Notify } from './notify.ts';

/** On the disk, not below /run. */
export const ALIVE_PATH = '/var/lib/ecs-host/alive';
/** The longest round of Docker's pulse takes this service two minutes at most: systemctl is given that long. */
const LONGEST_ROUND_MS = 150_000;
/** Three looks in the time that systemd gives. */
const LOOKS = 3;

/**
 * Feeds systemd's watchdog, but only when the whole chain was seen alive: this event loop (it runs here), the disk (a
 * small write ended, be it with "full"), and whoever asks Docker (a Docker that is silent is dealt with by that; one
 * who does not ask any more is dead).
 */
export class Watchdog {
  readonly #notify: Notify;
  readonly #path: string;
  #isWriting = false;
  #roundMs: number | null = null;

  constructor(notify: Notify, path: string = ALIVE_PATH) {
    this.#notify = notify;
    this.#path = path;
  }

  start(): void {
    const { watchdogMs } = this.#notify;
    if (watchdogMs === null) return;
    this.#look();
    setInterval(() => this.#look(), watchdogMs / LOOKS).unref();
  }

  /** Docker's pulse was taken; null when nobody takes it any more. */
  round(at: number | null = performance.now()): void {
    this.#roundMs = at;
  }

  #look(): void {
    if (this.#isWriting) return;
    if (this.#roundMs !== null && performance.now() - this.#roundMs > LONGEST_ROUND_MS) return;
    this.#isWriting = true;
    void writeFile(this.#path, '')
      .catch(() => undefined)
      .then(() => {
        this.#isWriting = false;
        this.#notify.feed();
      });
  }
}
