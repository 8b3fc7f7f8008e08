/** What is to become of copies that were accepted: AWS takes minutes for one, and some end `failed`. */
export type CopyOrder = {
  /** Where the copy is made; null for any region. */
  readonly region: string | null;
  /** How long the copy is pending before it ends, one way or the other. */
  readonly delayS: number;
  /** Why it fails, or null: it does not. */
  readonly failure: string | null;
  /** How many copies. */
  readonly times: number;
  /** Copies to let through first. */
  readonly skip: number;
};

const LONGEST_S = 3600;
const MOST = 10_000;

/**
 * Checks what was posted to /_lab/copies.
 *
 * @throws TypeError with one sentence about the first thing that is wrong
 */
export function parseCopyOrder(value: unknown): CopyOrder {
  if (value === null || typeof value !== 'object') throw new TypeError('an order for copies is a JSON object');
  const { region = null, delayS = 0, failure = null, times = 1, skip = 0 } = value as Record<string, unknown>;
  for (const [name, text] of Object.entries({ region, failure }))
    if (text !== null && (typeof text !== 'string' || text === '')) throw new TypeError(`${name}: a text, or nothing`);
  if (typeof delayS !== 'number' || !(delayS >= 0 && delayS <= LONGEST_S))
    throw new TypeError(`delayS: seconds, 0 to ${LONGEST_S}`);
  for (const [name, number, least] of [
    ['times', times, 1],
    ['skip', skip, 0],
  ] as const)
    if (!Number.isInteger(number) || (number as number) < least || (number as number) > MOST)
      throw new TypeError(`${name}: a whole number, ${least} to ${MOST}`);
  if (delayS === 0 && failure === null) throw new TypeError('delayS or failure: one of the two');
  return { region, delayS, failure, times, skip } as CopyOrder;
}

export class Copies {
  #orders: { readonly order: CopyOrder; skip: number; left: number }[] = [];

  add(order: CopyOrder): void {
    this.#orders.push({ order, skip: order.skip, left: order.times });
  }

  clear(): void {
    this.#orders = [];
  }

  list(): CopyOrder[] {
    return this.#orders.map(({ order, skip, left }) => ({ ...order, skip, times: left }));
  }

  /** The order that a copy in this region has to follow, used up by one; null when there is none. */
  take(region: string): CopyOrder | null {
    for (const entry of this.#orders) {
      if (![region, null].includes(entry.order.region)) continue;
      if (entry.skip > 0) {
        entry.skip -= 1;
        continue;
      }
      entry.left -= 1;
      if (entry.left === 0) this.#orders = this.#orders.filter((other) => other !== entry);
      return entry.order;
    }
    return null;
  }
}
