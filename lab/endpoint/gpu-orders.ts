import { GPU_FAULTS, type GpuFault, type Machines } from '../machine-types.ts';

/** What is to be wrong with GPUs: of an instance, or of the next that are launched. */
export type GpuOrder = GpuFault & {
  /** Null for the next launches. */
  readonly instanceId: string | null;
  /** Of the next launches; null for any type with a GPU. */
  readonly instanceType: string | null;
  /** How many launches; 1 for an instance. */
  readonly launches: number;
};

const MOST = 10_000;

/**
 * Checks what was posted to /_lab/gpus.
 *
 * @throws TypeError with one sentence about the first thing that is wrong
 */
export function parseGpuOrder(value: unknown): GpuOrder {
  if (value === null || typeof value !== 'object') throw new TypeError('an order for GPUs is a JSON object');
  const given = value as Record<string, unknown>;
  const { fault, instanceId = null, instanceType = null, launches = 1, slot = null, model = null } = given;
  if (!GPU_FAULTS.some((name) => name === fault)) throw new TypeError(`fault: one of ${GPU_FAULTS.join(', ')}`);
  for (const [name, text] of Object.entries({ instanceId, instanceType, model }))
    if (text !== null && (typeof text !== 'string' || text === '')) throw new TypeError(`${name}: a name, or nothing`);
  if (slot !== null && (!Number.isInteger(slot) || (slot as number) < 0))
    throw new TypeError('slot: a number from 0, or nothing for all');
  if (!Number.isInteger(launches) || (launches as number) < 1 || (launches as number) > MOST)
    throw new TypeError(`launches: a whole number, 1 to ${MOST}`);
  if (instanceId !== null && (instanceType !== null || launches !== 1))
    throw new TypeError('instanceId: an instance, or what will be launched, not both');
  if ((fault === 'other-model') !== (model !== null)) throw new TypeError("model: of other-model, EC2's name of a GPU");
  return { fault, instanceId, instanceType, launches, slot, model } as GpuOrder;
}

type Told = Pick<Machines, 'setGpuFaults' | 'status'>;

export class GpuOrders {
  readonly #machines: Told;
  #next: { readonly order: GpuOrder; left: number }[] = [];
  readonly #ofInstances = new Map<string, GpuFault[]>();

  constructor(machines: Told) {
    this.#machines = machines;
  }

  /** @throws Error when there is no such instance, or it cannot have that fault */
  async add(order: GpuOrder): Promise<void> {
    const { instanceId } = order;
    if (instanceId === null) {
      this.#next.push({ order, left: order.launches });
      return;
    }
    if (this.#machines.status(instanceId) === 'gone') throw new Error(`there is no instance ${instanceId}`);
    const faults = [...(this.#ofInstances.get(instanceId) ?? []), faultOf(order)];
    await this.#machines.setGpuFaults(instanceId, faults);
    this.#ofInstances.set(instanceId, faults);
  }

  /** GPUs are well again, also of machines that run. */
  async clear(): Promise<void> {
    this.#next = [];
    for (const instanceId of this.#ofInstances.keys()) await this.#machines.setGpuFaults(instanceId, []);
    this.#ofInstances.clear();
  }

  list(): GpuOrder[] {
    const bound = [...this.#ofInstances].flatMap(([instanceId, faults]) =>
      faults.map((fault) => ({ ...fault, instanceId, instanceType: null, launches: 1 })),
    );
    return [...bound, ...this.#next.map(({ order, left }) => ({ ...order, launches: left }))];
  }

  /** What was ordered for the next launches becomes this instance's. */
  async giveTo(instanceId: string, instanceType: string): Promise<void> {
    const faults: GpuFault[] = [];
    for (const entry of this.#next) {
      if (![instanceType, null].includes(entry.order.instanceType)) continue;
      entry.left -= 1;
      faults.push(faultOf(entry.order));
    }
    this.#next = this.#next.filter(({ left }) => left > 0);
    if (faults.length === 0) return;
    await this.#machines.setGpuFaults(instanceId, faults);
    this.#ofInstances.set(instanceId, faults);
  }

  forget(instanceId: string): void {
    this.#ofInstances.delete(instanceId);
  }
}

function faultOf({ fault, slot, model }: GpuOrder): GpuFault {
  return { fault, slot, model };
}
