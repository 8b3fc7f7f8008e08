import { setTimeout as sleep } from 'node:timers/promises';
import type { Disks, Machines } from '../machine-types.ts';
import type { MotoClient } from '../moto/client.ts';
import { reasonOf } from '../reason.ts';
import type { BackgroundWork } from './background-work.ts';
import { type EffectOf, type InstanceFacts, type LiveInstance, machineSpec } from './facts.ts';
import type { GpuOrders } from './gpu-orders.ts';

export type InstanceWorkParts = {
  readonly moto: MotoClient;
  readonly machines: Machines;
  readonly disks: Disks;
  readonly background: BackgroundWork;
  readonly gpuOrders: GpuOrders;
  /** Told when an instance is gone for good, for other parts that know of it (ECS). */
  readonly onGone?: (instanceId: string) => void;
};

const INTERNAL = 'Server.InternalError';

/** Makes the states of instances true: machines boot, stop, reboot and go, and moto hears of it when they have. */
export class InstanceWork {
  readonly #parts: InstanceWorkParts;
  /** Each machine's packet filter as it was last set. */
  readonly #filters = new Map<string, string>();

  constructor(parts: InstanceWorkParts) {
    this.#parts = parts;
    parts.machines.onExit((instanceId, how) => this.#machineEnded(instanceId, how));
  }

  /** Gives the instance its address, which its answer has to show, and launches it. Returns the address. */
  async launch(effect: EffectOf<'instance.launch'>): Promise<string | null> {
    const { moto, machines, disks, background, gpuOrders } = this.#parts;
    const { region, instanceId } = effect;
    try {
      const { address, macAddress } = await machines.allocateAddress(instanceId);
      await moto.control('set-address', { region, instanceId, address, macAddress });
      background.start([instanceId], `launch ${instanceId}`, () =>
        this.#boot(region, instanceId, {
          prepare: async ({ rootVolume, dataVolumes, instanceType, gpus }) => {
            if (rootVolume === null) throw new Error('no root volume');
            if (gpus.length > 0) await gpuOrders.giveTo(instanceId, instanceType);
            await disks.createFromSnapshot(rootVolume.id, rootVolume.sourceDisk, rootVolume.sizeGiB);
            for (const { id, sourceDisk, sizeGiB } of dataVolumes)
              await disks.createDataVolume(id, sourceDisk, sizeGiB);
          },
          onFailure: (message) => this.#remove(region, instanceId, message, INTERNAL),
        }),
      );
      return address;
    } catch (error) {
      background.start([instanceId], `give up ${instanceId}: ${reasonOf(error)}`, () =>
        this.#remove(region, instanceId, `${INTERNAL}: ${reasonOf(error)}`, INTERNAL),
      );
      return null;
    }
  }

  start(region: string, instanceId: string): void {
    this.#parts.background.start([instanceId], `start ${instanceId}`, () =>
      this.#boot(region, instanceId, {
        prepare: async () => {},
        onFailure: async (message) => {
          await this.#setState(region, instanceId, 'stopped', { message, code: INTERNAL, expected: 'pending' });
        },
      }),
    );
  }

  stop(region: string, instanceId: string, force: boolean): void {
    this.#parts.background.start([instanceId], `stop ${instanceId}`, async () => {
      await this.#parts.machines.stop(instanceId, { force });
      await this.#setState(region, instanceId, 'stopped', {
        message: 'Client.UserInitiatedShutdown: User initiated shutdown',
        code: 'Client.UserInitiatedShutdown',
        expected: 'stopping',
      });
    });
  }

  reboot(instanceId: string): void {
    this.#parts.background.start([instanceId], `reboot ${instanceId}`, () => this.#parts.machines.reboot(instanceId));
  }

  /**
   * An instance that does not run has nothing to shut down: EC2 has it terminated by the next question, and so has the
   * lab.
   */
  async terminate(region: string, instanceId: string): Promise<void> {
    const isDown = this.#parts.machines.status(instanceId) === 'stopped';
    const gone = Promise.withResolvers<void>();
    this.#parts.background.start([instanceId], `terminate ${instanceId}`, () =>
      this.#remove(region, instanceId, 'User initiated', 'Client.UserInitiatedShutdown', gone.resolve).finally(
        gone.resolve,
      ),
    );
    // One that is still being launched looks the same, and is not waited for.
    if (isDown) await Promise.race([gone.promise, sleep(1000, undefined, { ref: false })]);
  }

  /**
   * Group rules may name other groups, so any change is checked against every machine; only real changes reach the
   * filter.
   */
  refreshFilters(): Promise<void> {
    return this.#parts.background.waitFor(['filters'], () => this.#setChangedFilters());
  }

  async #setChangedFilters(): Promise<void> {
    const { moto, machines } = this.#parts;
    const live = await moto.control<LiveInstance[]>('live-instances');
    for (const { instanceId, securityGroups, state } of live) {
      if (machines.status(instanceId) === 'gone' || state === 'shutting-down') continue;
      const wanted = JSON.stringify(securityGroups);
      if (this.#filters.get(instanceId) === wanted) continue;
      this.#filters.set(instanceId, wanted);
      await machines.setIngress(instanceId, securityGroups);
    }
  }

  /** EC2 ends an instance that it cannot start; so does the lab, and the reason is in DescribeInstances. */
  async #boot(region: string, instanceId: string, { prepare, onFailure }: BootSteps): Promise<void> {
    try {
      const known = await this.#facts(region, instanceId);
      if (known.state !== 'pending') return;
      await prepare(known);
      this.#filters.set(instanceId, JSON.stringify(known.securityGroups));
      await this.#parts.machines.start(machineSpec(known));
      await this.#setState(region, instanceId, 'running', { expected: 'pending' });
    } catch (error) {
      await onFailure(`${INTERNAL}: the lab could not start the machine: ${reasonOf(error)}`);
      throw error;
    }
    await this.#setChangedFilters();
  }

  /** `onTerminated` hears when its state is set; its disks go after that. */
  async #remove(
    region: string,
    instanceId: string,
    message: string,
    code: string,
    onTerminated: () => void = () => undefined,
  ): Promise<void> {
    const { machines, disks, gpuOrders, onGone } = this.#parts;
    this.#filters.delete(instanceId);
    gpuOrders.forget(instanceId);
    await machines.terminate(instanceId);
    const { removedVolumes } = await this.#setState(region, instanceId, 'terminated', { message, code });
    onTerminated();
    for (const volume of removedVolumes) await disks.removeDisk(volume);
    onGone?.(instanceId);
    await this.#setChangedFilters();
  }

  /** A machine that ended by itself: `poweroff` inside does what the instance's shutdown behaviour says. */
  #machineEnded(instanceId: string, how: 'shutdown' | 'crashed'): void {
    const { moto, machines, background } = this.#parts;
    background.start([instanceId], `${instanceId} ended by itself (${how})`, async () => {
      const live = (await moto.control<LiveInstance[]>('live-instances')).find((one) => one.instanceId === instanceId);
      if (live === undefined || live.state !== 'running' || machines.status(instanceId) === 'running') return;
      const { region } = live;
      const known = await this.#facts(region, instanceId);
      const why = EXIT_REASONS[how];
      if (how === 'shutdown' && known.shutdownBehavior === 'terminate') {
        await this.#setState(region, instanceId, 'shutting-down', why);
        await this.#remove(region, instanceId, why.message, why.code);
      } else await this.#setState(region, instanceId, 'stopped', { ...why, expected: 'running' });
    });
  }

  /** With `expected`, the state is set only when no later call has begun another transition meanwhile. */
  #setState(
    region: string,
    instanceId: string,
    state: string,
    why: { message?: string; code?: string; expected?: string } = {},
  ): Promise<{ removedVolumes: string[] }> {
    return this.#parts.moto.control('set-instance-state', { region, instanceId, state, ...why });
  }

  #facts(region: string, instanceId: string): Promise<InstanceFacts> {
    return this.#parts.moto.control('instance-facts', { region, instanceId });
  }
}

type BootSteps = {
  readonly prepare: (known: InstanceFacts) => Promise<void>;
  readonly onFailure: (message: string) => Promise<void>;
};

const EXIT_REASONS = {
  shutdown: {
    message: 'Client.InstanceInitiatedShutdown: Instance initiated shutdown',
    code: 'Client.InstanceInitiatedShutdown',
  },
  crashed: { message: `${INTERNAL}: the machine ended unexpectedly`, code: INTERNAL },
} as const;
