import { readFile } from 'node:fs/promises';
import { writeFileWhole } from '../write-file.ts';
import { nextAddress } from './plan.ts';

type Kept = { version: 1; next: number; instances: Record<string, string> };

async function readKept(file: string): Promise<Kept> {
  try {
    const read = JSON.parse(await readFile(file, 'utf8')) as Kept;
    if (read.version === 1) return read;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return { version: 1, next: 0, instances: {} };
}

/** Which instance has which address, remembered over restarts. Changes have to come one after the other. */
export class Addresses {
  readonly #file: string;
  readonly #prefix: string;
  readonly #kept: Kept;

  private constructor(file: string, prefix: string, kept: Kept) {
    this.#file = file;
    this.#prefix = prefix;
    this.#kept = kept;
  }

  static async read(file: string, prefix: string): Promise<Addresses> {
    return new Addresses(file, prefix, await readKept(file));
  }

  of(instanceId: string): string | null {
    return this.#kept.instances[instanceId] ?? null;
  }

  /** @throws Error when it has none */
  required(instanceId: string): string {
    const address = this.of(instanceId);
    if (address === null) throw new Error(`${instanceId} has no address`);
    return address;
  }

  instanceAt(address: string): string | null {
    return Object.entries(this.#kept.instances).find(([, one]) => one === address)?.[0] ?? null;
  }

  /** The same one again when it has one. */
  async allocate(instanceId: string): Promise<string> {
    const has = this.of(instanceId);
    if (has !== null) return has;
    const taken = new Set(Object.values(this.#kept.instances));
    const { address, next } = nextAddress(this.#prefix, taken, this.#kept.next);
    this.#kept.instances[instanceId] = address;
    this.#kept.next = next;
    await this.#save();
    return address;
  }

  async release(instanceId: string): Promise<void> {
    if (this.of(instanceId) === null) return;
    delete this.#kept.instances[instanceId];
    await this.#save();
  }

  #save(): Promise<void> {
    return writeFileWhole(this.#file, `${JSON.stringify(this.#kept, null, 2)}\n`);
  }
}
