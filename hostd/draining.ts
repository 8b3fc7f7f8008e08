import { readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { firstLine, reasonOf } from '#contracts/reason.ts';
import type { ContainerInstance, Ecs, EcsAccount } from './ecs.ts';
import type { Log } from './log.ts';

/**
 * On disk, because ECS, too, remembers across a reboot. It holds the ARN of the container instance that this service
 * has drained.
 */
export const DRAINED_PATH = '/var/lib/ecs-host/drained';
const RETRY_MS = 1000;

/**
 * Draining in ECS, and its end. A container instance stays DRAINING, also when its agent is started again, until
 * somebody sets it to ACTIVE: a host service that was restarted, or a host that was rebooted, would never get a task
 * again. One that an operator has drained is left to the operator.
 */
export type Draining = {
  /** Whether the agent has said in this life which container instance it is. */
  isKnown(): boolean;
  /** @throws Error when the agent or ECS does not answer, or refuses */
  begin(): Promise<void>;
  /** Tries until the signal. Returns at once when this service has drained nothing. */
  end(instance: ContainerInstance, signal: AbortSignal): Promise<void>;
};

export function createDraining(ecs: Ecs, account: EcsAccount, log: Log, path: string = DRAINED_PATH): Draining {
  let known: ContainerInstance | null = null;
  return {
    isKnown: () => known !== null,
    begin: async () => {
      // The guard may have stopped the agent by now.
      const instance = await ecs.instance(account).catch((error: unknown) => {
        if (known === null) throw error;
        return known;
      });
      // Before it is done: one who is killed in between knows of it, and to set ACTIVE what is ACTIVE does nothing.
      await writeFile(path, instance.arn, { mode: 0o600 });
      await ecs.setStatus(instance, account.region, 'DRAINING');
    },
    end: async (instance, signal) => {
      known = instance;
      const drained = await readFile(path, 'utf8').catch(() => null);
      if (drained === null) return;
      while (instance.arn === drained) {
        try {
          await ecs.setStatus(instance, account.region, 'ACTIVE');
          log.say('info', 'ECS sends tasks again');
          break;
        } catch (error) {
          signal.throwIfAborted();
          log.once(
            'draining',
            'warning',
            `ECS sends no tasks to this host yet: ${firstLine(reasonOf(error))}; trying again`,
          );
        }
        await sleep(RETRY_MS, undefined, { signal });
      }
      await rm(path, { force: true });
    },
  };
}
