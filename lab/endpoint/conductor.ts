import { setTimeout as sleep } from 'node:timers/promises';
import type { Disks, Machines } from '../machines/types.ts';
import type { MotoClient } from '../moto/client.ts';
import { reasonOf, stackOf } from '../reason.ts';
import type { Effect, InstanceFacts, LiveInstance } from './facts.ts';
import { machineSpec } from './facts.ts';
import { Queues } from './queues.ts';

type EffectOf<K extends Effect['kind']> = Effect & { readonly kind: K };

export type Conductor = {
  /**
   * Makes the effects of one call true. Resolves when the part is done that the caller may rely on at once (addresses, packet
   * filter); machines and disks go on by themselves and report to moto. Returns placeholder addresses to replace in the answer.
   */
  carryOut(effects: readonly Effect[]): Promise<ReadonlyMap<string, string>>;
  /** Resolves when no machine or disk is being worked on. */
  idle(): Promise<void>;
};

export type ConductorParts = {
  readonly moto: MotoClient;
  readonly machines: Machines;
  readonly disks: Disks;
  readonly log: (line: string) => void;
  /** Told when an instance is gone for good, for other parts that know of it (ECS). */
  readonly onGone?: (instanceId: string) => void;
};

/** The daemon's hands: turns noted effects into work on machines and disks, one thing at a time for each of them. */
export function createConductor({ moto, machines, disks, log, onGone }: ConductorParts): Conductor {
  const queues = new Queues();
  const filters = new Map<string, string>();

  /** With `expected`, the state is set only when no later call has begun another transition meanwhile. */
  const setState = (
    region: string,
    instanceId: string,
    state: string,
    why: { message?: string; code?: string; expected?: string } = {},
  ): Promise<{ removedVolumes: string[] }> => moto.control('set-instance-state', { region, instanceId, state, ...why });

  const facts = (region: string, instanceId: string): Promise<InstanceFacts> =>
    moto.control('instance-facts', { region, instanceId });

  /** Group rules may name other groups, so any change is checked against every machine; only real changes reach the filter. */
  const refreshFilters = async (): Promise<void> => {
    const live = await moto.control<LiveInstance[]>('live-instances');
    for (const { instanceId, securityGroups, state } of live) {
      if (machines.status(instanceId) === 'gone' || state === 'shutting-down') continue;
      const wanted = JSON.stringify(securityGroups);
      if (filters.get(instanceId) === wanted) continue;
      filters.set(instanceId, wanted);
      await machines.setIngress(instanceId, securityGroups);
    }
  };

  const background = (keys: readonly string[], what: string, work: () => Promise<void>): void => {
    const begun = Date.now();
    queues.add(keys, work).then(
      () => log(`${what}: done in ${Date.now() - begun} ms`),
      (error: unknown) => log(`${what}: FAILED: ${stackOf(error)}`),
    );
  };

  /** `onTerminated` hears when its state is set; its disks go after that. */
  const removeInstance = async (
    region: string,
    instanceId: string,
    message: string,
    code: string,
    onTerminated: () => void = () => undefined,
  ): Promise<void> => {
    filters.delete(instanceId);
    await machines.terminate(instanceId);
    const { removedVolumes } = await setState(region, instanceId, 'terminated', { message, code });
    onTerminated();
    for (const volume of removedVolumes) await disks.removeDisk(volume);
    onGone?.(instanceId);
    await refreshFilters();
  };

  /** EC2 ends an instance that it cannot start; so does the lab, and the reason is in DescribeInstances. */
  const boot = async (
    region: string,
    instanceId: string,
    prepare: (known: InstanceFacts) => Promise<void>,
    launching: boolean,
  ): Promise<void> => {
    try {
      const known = await facts(region, instanceId);
      if (known.state !== 'pending') return;
      await prepare(known);
      filters.set(instanceId, JSON.stringify(known.securityGroups));
      await machines.start(machineSpec(known));
      await setState(region, instanceId, 'running', { expected: 'pending' });
    } catch (error) {
      const message = `Server.InternalError: the lab could not start the machine: ${reasonOf(error)}`;
      if (launching) await removeInstance(region, instanceId, message, 'Server.InternalError');
      else
        await setState(region, instanceId, 'stopped', { message, code: 'Server.InternalError', expected: 'pending' });
      throw error;
    }
    await refreshFilters();
  };

  /** An instance that does not run has nothing to shut down: EC2 has it terminated by the next question, and so has the lab. */
  const terminate = async (region: string, instanceId: string): Promise<void> => {
    const isDown = machines.status(instanceId) === 'stopped';
    const gone = Promise.withResolvers<void>();
    background([instanceId], `terminate ${instanceId}`, () =>
      removeInstance(region, instanceId, 'User initiated', 'Client.UserInitiatedShutdown', gone.resolve).finally(
        gone.resolve,
      ),
    );
    // One that is still being launched looks the same, and is not waited for.
    if (isDown) await Promise.race([gone.promise, sleep(1000, undefined, { ref: false })]);
  };

  const launch = (effect: EffectOf<'instance.launch'>): void =>
    background([effect.instanceId], `launch ${effect.instanceId}`, () =>
      boot(
        effect.region,
        effect.instanceId,
        async ({ rootVolume }) => {
          if (rootVolume === null) throw new Error('no root volume');
          await disks.createFromSnapshot(rootVolume.id, rootVolume.sourceDisk, rootVolume.sizeGiB);
        },
        true,
      ),
    );

  const stop = async (region: string, instanceId: string, force: boolean): Promise<void> => {
    await machines.stop(instanceId, { force });
    await setState(region, instanceId, 'stopped', {
      message: 'Client.UserInitiatedShutdown: User initiated shutdown',
      code: 'Client.UserInitiatedShutdown',
      expected: 'stopping',
    });
  };

  const finishImage = async (region: string, imageId: string, copy: () => Promise<void>): Promise<void> => {
    try {
      await copy();
      await moto.control('set-image-state', { region, imageId, state: 'available' });
    } catch (error) {
      await moto.control('set-image-state', { region, imageId, state: 'failed', message: reasonOf(error) });
      throw error;
    }
  };

  const createImage = (effect: EffectOf<'image.create'>): void =>
    background([effect.instanceId, effect.volumeId], `image ${effect.imageId} of ${effect.instanceId}`, () =>
      finishImage(effect.region, effect.imageId, async () => {
        // A running machine is taken down for the copy and comes back, as EC2 does without NoReboot.
        const rebooting = effect.wasRunning && machines.status(effect.instanceId) === 'running';
        if (rebooting) await machines.stop(effect.instanceId, { force: false });
        try {
          await disks.createSnapshot(effect.snapshotId, effect.volumeId);
        } finally {
          if (rebooting) await machines.start(machineSpec(await facts(effect.region, effect.instanceId)));
        }
      }),
    );

  const finishSnapshot = async (region: string, snapshotId: string, copy: () => Promise<void>): Promise<void> => {
    try {
      await copy();
      await moto.control('set-snapshot-state', { region, snapshotId, state: 'completed' });
    } catch (error) {
      await moto.control('set-snapshot-state', { region, snapshotId, state: 'error' });
      throw error;
    }
  };

  /** A machine that ended by itself: `poweroff` inside does what the instance's shutdown behaviour says. */
  const ended = (instanceId: string, how: 'shutdown' | 'crashed'): void =>
    background([instanceId], `${instanceId} ended by itself (${how})`, async () => {
      const live = (await moto.control<LiveInstance[]>('live-instances')).find((one) => one.instanceId === instanceId);
      if (live === undefined || live.state !== 'running' || machines.status(instanceId) === 'running') return;
      const known = await facts(live.region, instanceId);
      const [message, code] =
        how === 'shutdown'
          ? ([
              'Client.InstanceInitiatedShutdown: Instance initiated shutdown',
              'Client.InstanceInitiatedShutdown',
            ] as const)
          : (['Server.InternalError: the machine ended unexpectedly', 'Server.InternalError'] as const);
      if (how === 'shutdown' && known.shutdownBehavior === 'terminate') {
        await setState(live.region, instanceId, 'shutting-down', { message, code });
        await removeInstance(live.region, instanceId, message, code);
      } else await setState(live.region, instanceId, 'stopped', { message, code, expected: 'running' });
    });
  machines.onExit(ended);

  const begin = async (effect: Effect, replacements: Map<string, string>): Promise<void> => {
    const { region } = effect;
    switch (effect.kind) {
      case 'instance.launch': {
        try {
          const { address, macAddress } = await machines.allocateAddress(effect.instanceId);
          await moto.control('set-address', { region, instanceId: effect.instanceId, address, macAddress });
          replacements.set(effect.placeholderAddress, address);
        } catch (error) {
          return background([effect.instanceId], `give up ${effect.instanceId}: ${reasonOf(error)}`, () =>
            removeInstance(
              region,
              effect.instanceId,
              `Server.InternalError: ${reasonOf(error)}`,
              'Server.InternalError',
            ),
          );
        }
        return launch(effect);
      }
      case 'instance.start':
        return background([effect.instanceId], `start ${effect.instanceId}`, () =>
          boot(region, effect.instanceId, async () => {}, false),
        );
      case 'instance.stop':
        return background([effect.instanceId], `stop ${effect.instanceId}`, () =>
          stop(region, effect.instanceId, effect.force),
        );
      case 'instance.reboot':
        return background([effect.instanceId], `reboot ${effect.instanceId}`, () => machines.reboot(effect.instanceId));
      case 'instance.terminate':
        return terminate(region, effect.instanceId);
      case 'ingress.changed':
        return queues.add(['filters'], refreshFilters);
      case 'image.create':
        return createImage(effect);
      case 'image.copy':
        return background([effect.snapshotId], `image ${effect.imageId} from ${effect.sourceDisk}`, () =>
          finishImage(region, effect.imageId, () => disks.copySnapshot(effect.snapshotId, effect.sourceDisk)),
        );
      case 'snapshot.create':
        return background([effect.snapshotId, effect.volumeId], `snapshot ${effect.snapshotId}`, () =>
          finishSnapshot(region, effect.snapshotId, () => disks.createSnapshot(effect.snapshotId, effect.volumeId)),
        );
      case 'snapshot.copy':
        return background([effect.snapshotId], `snapshot ${effect.snapshotId}`, () =>
          finishSnapshot(region, effect.snapshotId, () => disks.copySnapshot(effect.snapshotId, effect.sourceDisk)),
        );
      case 'snapshot.delete':
        return background([effect.snapshotId], `delete ${effect.snapshotId}`, () =>
          disks.removeSnapshot(effect.snapshotId),
        );
      case 'volume.create':
        return background([effect.volumeId], `volume ${effect.volumeId}`, () =>
          disks.createFromSnapshot(effect.volumeId, effect.sourceDisk, effect.sizeGiB),
        );
      case 'volume.delete':
        return background([effect.volumeId], `delete ${effect.volumeId}`, () => disks.removeDisk(effect.volumeId));
    }
  };

  return {
    async carryOut(effects) {
      const replacements = new Map<string, string>();
      for (const effect of effects) await begin(effect, replacements);
      return replacements;
    },
    idle: () => queues.idle(),
  };
}
