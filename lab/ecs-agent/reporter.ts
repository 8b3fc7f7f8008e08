import { setTimeout as sleep } from 'node:timers/promises';
import { type ContainerStateChange, type ECSClient, SubmitTaskStateChangeCommand } from '@aws-sdk/client-ecs';
import type { Identity } from './checkpoint.ts';
import { isUnsent, type KnownContainer, type KnownTask } from './known-task.ts';

const AGAIN = { leastMs: 500, mostMs: 30_000 };
/** Asking again cannot change these. */
const FINAL = new Set(['ClientException', 'InvalidParameterException', 'AccessDeniedException']);

function change(container: KnownContainer): ContainerStateChange {
  const { name, status, dockerId, exitCode, reason, networkBindings } = container;
  return {
    containerName: name,
    status,
    ...(dockerId === null ? {} : { runtimeId: dockerId }),
    ...(exitCode === null ? {} : { exitCode }),
    ...(reason === null ? {} : { reason }),
    networkBindings: [...networkBindings],
  };
}

function atTime<Name extends string>(name: Name, ms: number | null): { [key in Name]?: Date } {
  return ms === null ? {} : ({ [name]: new Date(ms) } as { [key in Name]?: Date });
}

/** Tells ECS what became of tasks, for each task in order, until it was heard. */
export class Reporter {
  readonly #client: ECSClient;
  readonly #identity: Identity;
  readonly #options: { readonly log: (text: string) => void; readonly signal: AbortSignal; readonly sent: () => void };
  readonly #busy = new Set<KnownTask>();

  /** @param options.sent called when something was heard, and is to be remembered */
  constructor(
    client: ECSClient,
    identity: Identity,
    options: { readonly log: (text: string) => void; readonly signal: AbortSignal; readonly sent: () => void },
  ) {
    this.#client = client;
    this.#identity = identity;
    this.#options = options;
  }

  /** Returns at once. */
  report(task: KnownTask): void {
    if (this.#busy.has(task)) return;
    this.#busy.add(task);
    void this.#tell(task)
      .catch(() => undefined)
      .finally(() => this.#busy.delete(task));
  }

  async #tell(task: KnownTask): Promise<void> {
    for (let pauseMs = AGAIN.leastMs; isUnsent(task); ) {
      try {
        await this.#send(task);
        pauseMs = AGAIN.leastMs;
      } catch (error) {
        this.#options.log(`state of ${task.payload.arn} not told: ${error instanceof Error ? error.message : error}`);
        await sleep(pauseMs, undefined, { signal: this.#options.signal });
        pauseMs = Math.min(pauseMs * 2, AGAIN.mostMs);
      }
    }
  }

  async #send(task: KnownTask): Promise<void> {
    const { payload, status, reason, pullStartedAt, pullStoppedAt, stoppedAt } = task;
    const told = task.containers.map((container) => ({ container, status: container.status }));
    const changed = told.filter(({ container }) => container.status !== container.sentStatus || status === 'STOPPED');
    try {
      await this.#client.send(
        new SubmitTaskStateChangeCommand({
          cluster: this.#identity.cluster,
          task: payload.arn,
          status,
          ...(reason === null ? {} : { reason }),
          containers: changed.map(({ container }) => change(container)),
          ...atTime('pullStartedAt', pullStartedAt),
          ...atTime('pullStoppedAt', pullStoppedAt),
          ...atTime('executionStoppedAt', stoppedAt),
        }),
      );
    } catch (error) {
      if (!(error instanceof Error && FINAL.has(error.name))) throw error;
      this.#options.log(`ECS does not want to know of ${payload.arn}: ${error.message}`);
    }
    task.sentStatus = status;
    for (const { container, status: sent } of told) container.sentStatus = sent;
    this.#options.sent();
  }
}
