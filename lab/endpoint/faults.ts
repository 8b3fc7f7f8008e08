/** Faults that a test asks the endpoint to answer with instead of doing the call. */
export type Fault = {
  /** Action name, or `*`. */
  readonly action: string;
  /** How many calls to spoil; the fault is gone afterwards. */
  readonly times: number;
  readonly code: string;
  readonly message: string;
  readonly httpStatus: number;
  /** Calls of that action to let through first. */
  readonly skip: number;
};

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object';
}

/**
 * Checks what was posted to /_lab/faults.
 *
 * @throws TypeError with one sentence about the first thing that is wrong
 */
export function parseFault(value: unknown): Fault {
  if (!isRecord(value)) throw new TypeError('a fault is a JSON object');
  const { action, code, times = 1, message = 'injected by a test', httpStatus = 400, skip = 0 } = value;
  if (typeof action !== 'string' || action === '') throw new TypeError('action: an API action, or *');
  if (typeof code !== 'string' || code === '') throw new TypeError('code: an AWS error code');
  if (typeof message !== 'string') throw new TypeError('message: a string');
  for (const [name, number] of Object.entries({ times, httpStatus, skip })) {
    if (!Number.isInteger(number) || (number as number) < 0) throw new TypeError(`${name}: a whole number`);
  }
  return { action, code, message, times: times as number, httpStatus: httpStatus as number, skip: skip as number };
}

export class Faults {
  private pending: { fault: Fault; skip: number; left: number }[] = [];

  add(fault: Fault): void {
    this.pending.push({ fault, skip: fault.skip, left: fault.times });
  }

  clear(): void {
    this.pending = [];
  }

  list(): Fault[] {
    return this.pending.map(({ fault, skip, left }) => ({ ...fault, skip, times: left }));
  }

  /** The fault that this call must fail with, used up by one; null when it may go on. */
  take(action: string): Fault | null {
    for (const entry of this.pending) {
      if (entry.fault.action !== action && entry.fault.action !== '*') continue;
      if (entry.skip > 0) {
        entry.skip -= 1;
        continue;
      }
      entry.left -= 1;
      if (entry.left <= 0) this.pending = this.pending.filter((other) => other !== entry);
      return entry.fault;
    }
    return null;
  }
}
