import { readFileSync } from 'node:fs';
import type { Log } from './log.ts';
import type { Placer } from './placer.ts';
import { writeWhole } from './write-whole.ts';

/**
 * Streaming containers' private folders on the host, each mounted into its container; whoever runs a container makes
 * its folder.
 */
export const CONTAINERS_FOLDER = '/var/lib/ecs-host/containers';
/** On the same file system: what is made there is renamed into a container's folder. */
export const OUTBOX_FOLDER = '/var/lib/ecs-host/outbox';
/** Below /run: no container outlives the boot. */
export const ASSIGNED_PATH = '/run/ecs-host/assigned.json';

/** Docker's own rule for names; anything else must not become a path. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;
/** The first ones are the host's own consoles, and 63 is the last that Linux has. */
const TTYS = { first: 10, last: 63 };
const READY = '.ready';
const FILES = [READY, 'tty', 'ports.json'] as const;

type Assigned = { readonly name: string; readonly tty: number };

function isAssigned(value: unknown): value is Assigned {
  const { name, tty } = (value ?? {}) as Record<string, unknown>;
  return (
    typeof name === 'string' &&
    NAME.test(name) &&
    Number.isInteger(tty) &&
    Number(tty) >= TTYS.first &&
    Number(tty) <= TTYS.last
  );
}

/**
 * What each streaming container has: `ports.json` (`{"32262/tcp": 32768}`), `tty` (a number no other has), and
 * `.ready`. It is kept in a file of the service's own, because nothing in a container's folder can be believed.
 */
export class Resources {
  readonly #placer: Placer;
  readonly #log: Log;
  readonly #path: string;
  readonly #byId = new Map<string, Assigned>();

  constructor(placer: Placer, log: Log, path: string = ASSIGNED_PATH) {
    this.#placer = placer;
    this.#log = log;
    this.#path = path;
    this.#load();
  }

  /** Ids of the containers that have something. */
  assigned(): readonly string[] {
    return [...this.#byId.keys()];
  }

  /**
   * Gives a container what it needs to stream; doing it again renews its ports. False when it has no private folder:
   * then it is none of ours.
   *
   * @throws Error when the files cannot be made, or no tty is left
   */
  async assign(id: string, name: string, ports: Readonly<Record<string, number>>): Promise<boolean> {
    if (!NAME.test(name)) return false;
    const tty = this.#byId.get(id)?.tty ?? this.#freeTty(name);
    if (tty === null) {
      if (!(await this.#placer.clear(name, []))) return false;
      throw new Error(`all ttys from ${TTYS.first} to ${TTYS.last} are taken`);
    }
    const own = this.#byId.get(id) ?? { name, tty };
    // Taken before anything is waited for: two containers that start together get two numbers.
    for (const [other, { name: taken }] of this.#byId) if (taken === own.name && other !== id) this.#byId.delete(other);
    this.#byId.set(id, own);
    const isOurs = await this.#placer
      .place(own.name, [
        ['ports.json', `${JSON.stringify(ports)}\n`],
        ['tty', `${own.tty}\n`],
        [READY, ''],
      ])
      .catch((error: unknown) => {
        this.#save();
        throw error;
      });
    if (!isOurs) this.#byId.delete(id);
    this.#save();
    return isOurs;
  }

  /** Takes it back. @throws Error when a file cannot be removed; the tty is free in any case */
  async release(id: string): Promise<void> {
    const own = this.#byId.get(id);
    if (!own) return;
    this.#byId.delete(id);
    this.#save();
    // `.ready` first: nothing must look ready that is not.
    await this.#placer.clear(own.name, FILES);
  }

  #freeTty(name: string): number | null {
    const taken = new Map([...this.#byId.values()].map((own) => [own.tty, own.name]));
    for (let tty = TTYS.first; tty <= TTYS.last; tty += 1) {
      const owner = taken.get(tty);
      if (owner === undefined || owner === name) return tty;
    }
    return null;
  }

  #save(): void {
    try {
      writeWhole(this.#path, `${JSON.stringify(Object.fromEntries(this.#byId))}\n`, 0o600);
      this.#log.once('assigned', 'info', 'what containers have is written down');
    } catch (error) {
      // The next life would give out numbers that are taken; it asks Docker who runs, and gives them anew.
      this.#log.once('assigned', 'error', `${this.#path}: ${String(error)}`);
    }
  }

  #load(): void {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch {
      // The first life in this boot.
      return;
    }
    try {
      for (const [id, own] of Object.entries(JSON.parse(text) as object)) if (isAssigned(own)) this.#byId.set(id, own);
    } catch (error) {
      this.#log.say('error', `${this.#path} is damaged and begun anew: ${String(error)}`);
    }
  }
}
