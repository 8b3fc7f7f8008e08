import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';

type Answer = {
  readonly id?: number;
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
  readonly event?: string;
};

type Waiting = { readonly resolve: (value: unknown) => void; readonly reject: (reason: Error) => void };

/**
 * QEMU's machine protocol: a JSON document a line, first a greeting, then answers by the number of the command, and
 * events in between. A command is answered when QEMU has taken it, not when the guest has done it.
 */
export class Qmp {
  readonly #socket: Duplex;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners: ((event: string) => void)[] = [];
  #next = 0;
  #isClosed = false;

  constructor(socket: Duplex) {
    this.#socket = socket;
    // The process that is gone is told of elsewhere.
    socket.on('error', () => {});
    const lines = createInterface({ input: socket });
    lines.on('line', (line) => this.#take(JSON.parse(line) as Answer));
    lines.on('close', () => this.#close());
    // readline passes its input's error on as its own, and does not end: that of a QEMU that was killed ended the lab.
    lines.on('error', () => this.#close());
  }

  onEvent(listener: (event: string) => void): void {
    this.#listeners.push(listener);
  }

  /** @throws Error when QEMU refuses it, or is gone */
  execute(command: string, parameters: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    const id = this.#next;
    this.#next += 1;
    return new Promise((resolve, reject) => {
      if (this.#isClosed) {
        reject(new Error(`${command}: QEMU is gone`));
        return;
      }
      this.#waiting.set(id, { resolve, reject });
      this.#socket.write(`${JSON.stringify({ execute: command, arguments: parameters, id })}\n`);
    });
  }

  #take({ id, return: value, error, event }: Answer): void {
    if (event !== undefined) for (const listener of this.#listeners) listener(event);
    if (id === undefined) return;
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) waiting?.reject(new Error(error.desc));
    else waiting?.resolve(value);
  }

  #close(): void {
    this.#isClosed = true;
    for (const { reject } of this.#waiting.values()) reject(new Error('QEMU is gone'));
    this.#waiting.clear();
  }
}
