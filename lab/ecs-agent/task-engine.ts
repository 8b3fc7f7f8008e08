import { setTimeout as sleep } from 'node:timers/promises';
import { containerSpec, networkBindings } from './container-spec.ts';
import { type Docker, DockerError } from './docker.ts';
import type { Images } from './images.ts';
import { gpusOfTask, type KnownContainer, type KnownTask, newTask } from './known-task.ts';
import { type PayloadTask, untaught } from './payload.ts';

export type EngineOptions = {
  readonly cluster: string;
  readonly nvidiaRuntime: string;
  /** GPUs of the host, by id. */
  readonly gpus: readonly string[];
  readonly stopTimeoutS: number;
  /** How long a task's containers are kept after it has stopped. */
  readonly cleanupWaitMs: number;
  readonly images: Images;
  readonly log: (text: string) => void;
  /** Called whenever something is to be kept, and told to ECS. */
  readonly changed: (task: KnownTask) => Promise<void>;
};

/** Where Docker was lost on the way, it is asked again so long after. */
const AGAIN_MS = 1000;

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Runs tasks as containers: pull, create, start, follow to the end, keep for a while, remove. */
export class TaskEngine {
  readonly #docker: Docker;
  readonly #options: EngineOptions;
  readonly #tasks = new Map<string, KnownTask>();
  #wake: (() => void)[] = [];

  constructor(docker: Docker, options: EngineOptions) {
    this.#docker = docker;
    this.#options = options;
  }

  tasks(): readonly KnownTask[] {
    return [...this.#tasks.values()];
  }

  /** Takes up what an earlier life left: containers run on meanwhile, or have ended. */
  adopt(tasks: readonly KnownTask[]): void {
    for (const task of tasks) {
      this.#tasks.set(task.payload.arn, task);
      if (task.status === 'STOPPED') this.#removeLater(task);
      else this.#begin(task);
    }
  }

  /** An order of ACS; the same one twice is one. */
  take(payload: PayloadTask): void {
    const known = this.#tasks.get(payload.arn);
    if (payload.desiredStatus === 'STOPPED') {
      if (known) this.stop(known.payload.arn);
      return;
    }
    if (known) return;
    const task = newTask(payload);
    this.#tasks.set(payload.arn, task);
    this.#begin(task);
  }

  stop(arn: string): void {
    const task = this.#tasks.get(arn);
    if (task === undefined || task.desiredStatus === 'STOPPED') return;
    task.desiredStatus = 'STOPPED';
    this.#wakeAll();
    for (const container of task.containers) void this.#stopContainer(container);
  }

  #begin(task: KnownTask): void {
    this.#options.log(`task ${task.payload.arn} begins as ${task.status}`);
    void this.#live(task).catch((error: unknown) =>
      this.#options.log(`task ${task.payload.arn} was lost: ${reasonOf(error)}`),
    );
  }

  async #live(task: KnownTask): Promise<void> {
    try {
      await this.#start(task);
    } catch (error) {
      task.reason ??= reasonOf(error);
      task.desiredStatus = 'STOPPED';
      this.#options.log(`task ${task.payload.arn} does not start: ${task.reason}`);
    }
    if (task.desiredStatus === 'RUNNING') task.status = 'RUNNING';
    await this.#options.changed(task);
    await Promise.all(task.containers.map((container) => this.#follow(task, container)));
    task.status = 'STOPPED';
    task.stoppedAt = Date.now();
    this.#wakeAll();
    await this.#options.changed(task);
    this.#removeLater(task);
  }

  /** @throws Error with the reason for which the task has to end */
  async #start(task: KnownTask): Promise<void> {
    const problem = untaught(task.payload);
    if (problem !== null) throw new Error(`the lab's stand-in agent does not do ${problem}`);
    await this.#haveGpus(task);
    task.pullStartedAt ??= Date.now();
    for (const container of task.containers) await this.#provide(task, container);
    task.pullStoppedAt ??= Date.now();
    for (const container of task.containers) await this.#startContainer(task, container);
  }

  /** First come, first served: a task waits for those before it that have a GPU which it is to get. */
  async #haveGpus(task: KnownTask): Promise<void> {
    const wanted = gpusOfTask(task);
    const unknown = wanted.find((id) => !this.#options.gpus.includes(id));
    if (unknown !== undefined) throw new Error(`this host has no GPU ${unknown}`);
    const isBusy = (): boolean => {
      const before = this.tasks().slice(0, this.tasks().indexOf(task));
      return before.some((each) => each.status !== 'STOPPED' && gpusOfTask(each).some((id) => wanted.includes(id)));
    };
    while (task.desiredStatus === 'RUNNING' && isBusy()) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  async #provide(task: KnownTask, { name, dockerId }: KnownContainer): Promise<void> {
    if (task.desiredStatus === 'STOPPED' || dockerId !== null) return;
    const image = task.payload.containers.find((each) => each.name === name)?.image ?? '';
    await this.#options.images.provide(image);
  }

  async #startContainer(task: KnownTask, container: KnownContainer): Promise<void> {
    if (task.desiredStatus === 'STOPPED') return;
    const asked = task.payload.containers.find(({ name }) => name === container.name);
    if (asked === undefined) return;
    try {
      if (container.dockerId === null) {
        container.dockerId = await this.#docker.create(
          container.dockerName,
          containerSpec(task.payload, asked, this.#options),
        );
        await this.#options.changed(task);
      }
    } catch (error) {
      container.reason = `CannotCreateContainerError: ${reasonOf(error)}`;
      throw new Error(container.reason);
    }
    try {
      const { State } = await this.#docker.inspect(container.dockerId);
      if (State.Status === 'created') await this.#docker.start(container.dockerId);
    } catch (error) {
      container.reason = `CannotStartContainerError: ${reasonOf(error)}`;
      throw new Error(container.reason);
    }
    container.networkBindings = networkBindings(await this.#docker.inspect(container.dockerId));
    container.status = 'RUNNING';
  }

  /** To its end, which for an essential one is the task's. */
  async #follow(task: KnownTask, container: KnownContainer): Promise<void> {
    if (container.dockerId !== null) container.exitCode = await this.#exitOf(task, container, container.dockerId);
    container.status = 'STOPPED';
    if (container.isEssential) this.stop(task.payload.arn);
    if (task.status === 'RUNNING') await this.#options.changed(task);
  }

  /** Null for one that never ran, or that is not there any more. */
  async #exitOf(task: KnownTask, container: KnownContainer, id: string): Promise<number | null> {
    for (;;) {
      try {
        const facts = await this.#docker.inspect(id);
        if (facts.State.Status === 'created') return null;
        if (!facts.State.Running) return facts.State.ExitCode;
        if (task.desiredStatus === 'STOPPED') void this.#stopContainer(container);
        return await this.#docker.wait(id);
      } catch (error) {
        if (error instanceof DockerError && error.status === 404) {
          container.reason ??= 'the container was removed';
          return null;
        }
        await sleep(AGAIN_MS);
      }
    }
  }

  async #stopContainer({ dockerId, status, stopTimeoutS }: KnownContainer): Promise<void> {
    if (dockerId === null || status === 'STOPPED') return;
    // One that has ended meanwhile, or a Docker that went away: whoever follows it finds out.
    await this.#docker.stop(dockerId, stopTimeoutS ?? this.#options.stopTimeoutS).catch(() => undefined);
  }

  #removeLater(task: KnownTask): void {
    const waitMs = (task.stoppedAt ?? 0) + this.#options.cleanupWaitMs - Date.now();
    setTimeout(() => void this.#remove(task), Math.max(waitMs, 0)).unref();
  }

  async #remove(task: KnownTask): Promise<void> {
    for (const { dockerId } of task.containers)
      if (dockerId !== null) await this.#docker.remove(dockerId).catch(() => undefined);
    this.#tasks.delete(task.payload.arn);
    await this.#options.changed(task);
  }
}
