import { BackgroundWork } from './background-work.ts';
import type { Copies } from './copies.ts';
import type { Effect } from './facts.ts';
import { InstanceWork, type InstanceWorkParts } from './instance-work.ts';
import { StorageWork } from './storage-work.ts';

export type ReconcilerParts = Omit<InstanceWorkParts, 'background'> & {
  readonly copies: Copies;
  readonly log: (line: string) => void;
};

/**
 * Brings machines and disks to what moto's records say: turns noted effects into work, one thing at a time for each of
 * them.
 */
export class Reconciler {
  readonly #background: BackgroundWork;
  readonly #instances: InstanceWork;
  readonly #storage: StorageWork;

  constructor({ log, ...parts }: ReconcilerParts) {
    this.#background = new BackgroundWork(log);
    this.#instances = new InstanceWork({ ...parts, background: this.#background });
    this.#storage = new StorageWork({ ...parts, background: this.#background });
  }

  /**
   * Makes the effects of one call true. Resolves when the part is done that the caller may rely on at once (addresses,
   * packet filter); machines and disks go on by themselves and report to moto. Returns placeholder addresses to replace
   * in the answer.
   */
  async carryOut(effects: readonly Effect[]): Promise<ReadonlyMap<string, string>> {
    const replacements = new Map<string, string>();
    for (const effect of effects) {
      if (effect.kind === 'instance.launch') {
        const address = await this.#instances.launch(effect);
        if (address !== null) replacements.set(effect.placeholderAddress, address);
      } else await this.#begin(effect);
    }
    return replacements;
  }

  /** Resolves when no machine or disk is being worked on. */
  idle(): Promise<void> {
    return this.#background.idle();
  }

  async #begin(effect: Exclude<Effect, { readonly kind: 'instance.launch' }>): Promise<void> {
    switch (effect.kind) {
      case 'instance.start':
        return this.#instances.start(effect.region, effect.instanceId);
      case 'instance.stop':
        return this.#instances.stop(effect.region, effect.instanceId, effect.force);
      case 'instance.reboot':
        return this.#instances.reboot(effect.instanceId);
      case 'instance.terminate':
        return this.#instances.terminate(effect.region, effect.instanceId);
      case 'ingress.changed':
        return this.#instances.refreshFilters();
      case 'image.create':
        return this.#storage.createImage(effect);
      case 'image.copy':
        return this.#storage.copyImage(effect);
      case 'snapshot.create':
        return this.#storage.createSnapshot(effect);
      case 'snapshot.copy':
        return this.#storage.copySnapshot(effect);
      case 'snapshot.delete':
        return this.#storage.deleteSnapshot(effect);
      case 'volume.create':
        return this.#storage.createVolume(effect);
      case 'volume.delete':
        return this.#storage.deleteVolume(effect);
    }
  }
}
