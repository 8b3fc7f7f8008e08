import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { bootCs } from './gate.ts';
import type { Log } from './log.ts';
import { writeWhole } from './write-whole.ts';

/** On disk, because an order holds across a reboot; and in memory, because a disk can be full. */
export const ORDER_PATHS: readonly string[] = ['/run/ecs-host/order.json', '/var/lib/ecs-host/order.json'];

/** What the webserver has ordered, until an operator takes it back. */
export type Order = {
  readonly verb: 'drain' | 'revoke';
  readonly reason: string;
  /** An image that was made of this host is another host. */
  readonly instanceId: string;
  /** CLOCK_BOOTTIME in hundredths of a second: how much of the time that tasks get is over. */
  readonly sinceCs: number;
};

function parse(text: string): Order | null {
  try {
    const { verb, reason, instanceId, sinceCs } = JSON.parse(text) as Record<string, unknown>;
    return (verb === 'drain' || verb === 'revoke') &&
      typeof reason === 'string' &&
      typeof instanceId === 'string' &&
      typeof sinceCs === 'number'
      ? { verb, reason, instanceId, sinceCs }
      : null;
  } catch {
    return null;
  }
}

/**
 * Orders survive crashes of this service and reboots of its host. All of it is synchronous: an order that was heard is
 * kept before it is followed.
 */
export class Orders {
  readonly #log: Log;
  readonly #paths: readonly string[];

  constructor(log: Log, paths: readonly string[] = ORDER_PATHS) {
    this.#log = log;
    this.#paths = paths;
  }

  keep(order: Omit<Order, 'sinceCs'>): void {
    // A revocation stays one, whoever says drain afterwards.
    if (order.verb === 'drain' && this.find(order.instanceId)?.verb === 'revoke') return;
    const text = `${JSON.stringify({ ...order, sinceCs: bootCs() })}\n`;
    for (const path of this.#paths) {
      try {
        mkdirSync(dirname(path), { recursive: true });
        writeWhole(path, text, 0o600);
      } catch (error) {
        this.#log.say('error', `the order to ${order.verb} cannot be kept in ${path}: ${String(error)}`);
      }
    }
  }

  /** The order that holds for this instance, or null. One that cannot be read holds: a damaged file opens no gate. */
  find(instanceId: string): Order | null {
    for (const path of this.#paths) {
      let text: string;
      try {
        text = readFileSync(path, 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
        text = '';
      }
      const order = parse(text);
      if (order === null)
        return { verb: 'drain', reason: `${path} is damaged`, instanceId, sinceCs: Number.NEGATIVE_INFINITY };
      if (order.instanceId === instanceId) return order;
    }
    return null;
  }

  /** An operator has taken it back. */
  forget(): void {
    for (const path of this.#paths) rmSync(path, { force: true, recursive: true });
  }
}
