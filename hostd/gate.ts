import { lstatSync, mkdirSync, rmSync } from 'node:fs';
import { uptime } from 'node:os';
import { dirname } from 'node:path';
import { AGENT_GATE_PATH, GATE_PATH, LEASE_MS, LEASE_RENEWED_MS } from '#contracts/host-service.ts';
import { writeWhole } from './write-whole.ts';

/** `docker`: containers may start. `agent`: tasks may be taken. */
export type Lease = 'docker' | 'agent';

/** CLOCK_BOOTTIME in hundredths of a second, as /proc/uptime has it. Nobody sets it. */
export function bootCs(): number {
  return Math.floor(uptime() * 100);
}

/**
 * The gate, as two leases that only a live event loop keeps (contracts/host-service.ts). Everything here is
 * synchronous: there is no moment between the decision to shut and the shut gate.
 */
export class Gate {
  readonly #paths: Readonly<Record<Lease, string>>;
  readonly #open = new Set<Lease>();
  readonly #onTrouble: (error: unknown, lease: Lease) => void;
  #timer: NodeJS.Timeout | null = null;
  #renewedCs = 0;
  /**
   * Told when the leases ran out meanwhile, because the loop was late or they could not be written; they are good again
   * by then.
   */
  onLapse: () => void = () => undefined;

  constructor(
    onTrouble: (error: unknown, lease: Lease) => void,
    paths: Readonly<Record<Lease, string>> = { docker: GATE_PATH, agent: AGENT_GATE_PATH },
  ) {
    this.#onTrouble = onTrouble;
    this.#paths = paths;
  }

  open(lease: Lease): void {
    this.#open.add(lease);
    if (this.#write(lease)) this.#renewedCs = bootCs();
    this.#timer ??= setInterval(() => this.#renew(), LEASE_RENEWED_MS);
  }

  isOpen(lease: Lease): boolean {
    return this.#open.has(lease);
  }

  /** Takes away what stands where this service has put no lease. @returns whether there was something */
  removeForged(): boolean {
    const forged = (['docker', 'agent'] as const).filter(
      (lease) => !this.#open.has(lease) && lstatSync(this.#paths[lease], { throwIfNoEntry: false }) !== undefined,
    );
    for (const lease of forged) this.#remove(lease);
    return forged.length > 0;
  }

  /** Shuts both, or one. */
  shut(which: 'both' | Lease = 'both'): void {
    for (const lease of which === 'both' ? (['docker', 'agent'] as const) : [which]) {
      this.#open.delete(lease);
      this.#remove(lease);
    }
    if (this.#open.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  #remove(lease: Lease): void {
    try {
      rmSync(this.#paths[lease], { force: true, recursive: true });
    } catch (error) {
      // Nobody renews it: it runs out by itself.
      this.#onTrouble(error, lease);
    }
  }

  #renew(): void {
    const now = bootCs();
    const written = [...this.#open].map((lease) => this.#write(lease));
    if (written.includes(false)) return;
    const isLapsed = (now - this.#renewedCs) * 10 > LEASE_MS;
    this.#renewedCs = now;
    if (isLapsed) this.onLapse();
  }

  /** @returns whether it is written */
  #write(lease: Lease): boolean {
    const path = this.#paths[lease];
    try {
      mkdirSync(dirname(path), { recursive: true });
      writeWhole(path, `${bootCs() + LEASE_MS / 10}\n`, 0o644);
      return true;
    } catch (error) {
      this.#onTrouble(error, lease);
      return false;
    }
  }
}
