import { setTimeout as sleep } from 'node:timers/promises';
import type { Disks, Machines } from '../machine-types.ts';
import type { MotoClient } from '../moto/client.ts';
import { reasonOf } from '../reason.ts';
import type { BackgroundWork } from './background-work.ts';
import type { Copies, CopyOrder } from './copies.ts';
import { type EffectOf, type InstanceFacts, machineSpec } from './facts.ts';

export type StorageWorkParts = {
  readonly moto: MotoClient;
  readonly machines: Machines;
  readonly disks: Disks;
  readonly background: BackgroundWork;
  readonly copies: Copies;
};

/** Lets a copy take as long, and end as badly, as a test or its key wants. */
async function follow(order: CopyOrder | null, failure: string): Promise<void> {
  if (order !== null && order.delayS > 0) await sleep(order.delayS * 1000, undefined, { ref: false });
  const why = order?.failure ?? failure;
  if (why !== '') throw new Error(why);
}

/** Makes images, snapshots and volumes true: disks are copied and removed, and moto hears when a copy is done. */
export class StorageWork {
  readonly #parts: StorageWorkParts;

  constructor(parts: StorageWorkParts) {
    this.#parts = parts;
  }

  createImage({ region, imageId, instanceId, snapshotId, volumeId, wasRunning }: EffectOf<'image.create'>): void {
    const { moto, machines, disks, background } = this.#parts;
    background.start([instanceId, volumeId], `image ${imageId} of ${instanceId}`, () =>
      this.#finishImage(region, imageId, async () => {
        // A running machine is taken down for the copy and comes back, as EC2 does without NoReboot.
        const isRebooted = wasRunning && machines.status(instanceId) === 'running';
        if (isRebooted) await machines.stop(instanceId, { force: false });
        try {
          await disks.createSnapshot(snapshotId, volumeId);
        } finally {
          if (isRebooted)
            await machines.start(
              machineSpec(await moto.control<InstanceFacts>('instance-facts', { region, instanceId })),
            );
        }
      }),
    );
  }

  copyImage({ region, imageId, snapshotId, sourceDisk, failure }: EffectOf<'image.copy'>): void {
    const order = this.#parts.copies.take(region);
    this.#parts.background.start([snapshotId], `image ${imageId} from ${sourceDisk}`, () =>
      this.#finishImage(region, imageId, async () => {
        await follow(order, failure === '' ? '' : `AMI snapshot copy failed with error: ${failure}`);
        await this.#parts.disks.copySnapshot(snapshotId, sourceDisk);
      }),
    );
  }

  createSnapshot({ region, snapshotId, volumeId }: EffectOf<'snapshot.create'>): void {
    this.#parts.background.start([snapshotId, volumeId], `snapshot ${snapshotId}`, () =>
      this.#finishSnapshot(region, snapshotId, () => this.#parts.disks.createSnapshot(snapshotId, volumeId)),
    );
  }

  copySnapshot({ region, snapshotId, sourceDisk, failure }: EffectOf<'snapshot.copy'>): void {
    const order = this.#parts.copies.take(region);
    this.#parts.background.start([snapshotId], `snapshot ${snapshotId}`, () =>
      this.#finishSnapshot(region, snapshotId, async () => {
        await follow(order, failure);
        await this.#parts.disks.copySnapshot(snapshotId, sourceDisk);
      }),
    );
  }

  deleteSnapshot({ snapshotId }: EffectOf<'snapshot.delete'>): void {
    this.#parts.background.start([snapshotId], `delete ${snapshotId}`, () =>
      this.#parts.disks.removeSnapshot(snapshotId),
    );
  }

  createVolume({ volumeId, sourceDisk, sizeGiB }: EffectOf<'volume.create'>): void {
    this.#parts.background.start([volumeId], `volume ${volumeId}`, () =>
      this.#parts.disks.createFromSnapshot(volumeId, sourceDisk, sizeGiB),
    );
  }

  deleteVolume({ volumeId }: EffectOf<'volume.delete'>): void {
    this.#parts.background.start([volumeId], `delete ${volumeId}`, () => this.#parts.disks.removeDisk(volumeId));
  }

  async #finishImage(region: string, imageId: string, copy: () => Promise<void>): Promise<void> {
    const { moto } = this.#parts;
    try {
      await copy();
      await moto.control('set-image-state', { region, imageId, state: 'available' });
    } catch (error) {
      await moto.control('set-image-state', { region, imageId, state: 'failed', message: reasonOf(error) });
      throw error;
    }
  }

  async #finishSnapshot(region: string, snapshotId: string, copy: () => Promise<void>): Promise<void> {
    const { moto } = this.#parts;
    try {
      await copy();
      await moto.control('set-snapshot-state', { region, snapshotId, state: 'completed' });
    } catch (error) {
      await moto.control('set-snapshot-state', { region, snapshotId, state: 'error', message: reasonOf(error) });
      throw error;
    }
  }
}
