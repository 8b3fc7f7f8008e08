import { printable } from '#contracts/printable.ts';
import { reasonOf } from '#contracts/reason.ts';
import { toldReason } from './answer.ts';
import { tellHost } from './control-client.ts';
import type { Hosts } from './hosts.ts';
import { isInstanceId } from './standing-orders.ts';

type Order = 'drain' | 'revoke';

/** Gives orders to hosts and takes them back: kept first, then told at once where the control port answers. */
export class HostOrders {
  readonly #hosts: Hosts;
  readonly #onNotice: (code: 'ORDER_NOT_PUSHED', text: string) => void;

  constructor(hosts: Hosts, onNotice: (code: 'ORDER_NOT_PUSHED', text: string) => void) {
    this.#hosts = hosts;
    this.#onNotice = onNotice;
  }

  /** Kept before it is told, also for an instance that is not known (any more): a stolen host may be silent. */
  async give(instanceId: string, order: Order, given: string): Promise<boolean> {
    if (!isInstanceId(instanceId)) return false;
    const reason = toldReason(given);
    this.#hosts.orders.change(instanceId, order === 'drain' ? { drain: reason } : { revoked: reason });
    const isKnown = this.#hosts.get(instanceId) !== null;
    // One that was forgotten may run all the same, and hears nothing with a heartbeat for a minute.
    await this.#push(instanceId, order, reason);
    return isKnown;
  }

  /** Returns whether the host is known. */
  takeBack(instanceId: string, change: { drain?: null; revoked?: null; keyHash?: null }): boolean {
    this.#hosts.orders.change(instanceId, change);
    // Its operator is about to have it ask again.
    this.#hosts.departures.remove(instanceId);
    return this.#hosts.get(instanceId) !== null;
  }

  forget(instanceId: string): boolean {
    const isKnown = this.takeBack(instanceId, { keyHash: null });
    this.#hosts.forget(instanceId, { mayBeThere: true });
    return isKnown;
  }

  /** The next heartbeat says the same. */
  async #push(instanceId: string, order: Order, reason: string): Promise<void> {
    const control = this.#hosts.controlOf(instanceId);
    if (!control) return;
    await tellHost(control.address, control.port, order, reason).catch((error: unknown) =>
      this.#onNotice(
        'ORDER_NOT_PUSHED',
        `${instanceId} hears ${order} with its next heartbeat: ${printable(reasonOf(error))}`,
      ),
    );
  }
}
