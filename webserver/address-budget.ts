import { networkOf } from './addresses.ts';

/** A hundred hosts behind one address may fail five times each at once; nobody does fifty a second for long. */
const BURST = 1000;
const PER_SECOND = 50;
const MOST_NETWORKS = 10_000;

type Budget = { left: number; atMs: number };

/**
 * How often an address may ask without showing who it is: a bucket of requests for each, which fills again with time. A
 * handshake that was verified gives back what it took, so hosts cost their address nothing. The oldest address is
 * forgotten when there are too many.
 */
export class AddressBudget {
  readonly #budgets = new Map<string, Budget>();
  readonly #monotonic: () => number;
  readonly #limits: { readonly burst: number; readonly perSecond: number; readonly most: number };

  constructor(monotonic: () => number, limits: { burst?: number; perSecond?: number; most?: number } = {}) {
    this.#monotonic = monotonic;
    this.#limits = { burst: BURST, perSecond: PER_SECOND, most: MOST_NETWORKS, ...limits };
  }

  /** Whether this address may ask once more. */
  take(address: string): boolean {
    const budget = this.#now(address);
    if (budget.left < 1) return false;
    budget.left -= 1;
    return true;
  }

  giveBack(address: string, requests: number): void {
    const budget = this.#now(address);
    budget.left = Math.min(this.#limits.burst, budget.left + requests);
  }

  get networks(): number {
    return this.#budgets.size;
  }

  #now(address: string): Budget {
    const { burst, perSecond, most } = this.#limits;
    const network = networkOf(address);
    const atMs = this.#monotonic();
    const before = this.#budgets.get(network);
    const left = before ? Math.min(burst, before.left + ((atMs - before.atMs) / 1000) * perSecond) : burst;
    const budget = { left, atMs };
    // Last used is last in the map, so the first one is the oldest.
    this.#budgets.delete(network);
    this.#budgets.set(network, budget);
    if (this.#budgets.size > most) this.#budgets.delete(this.#budgets.keys().next().value as string);
    return budget;
  }
}
