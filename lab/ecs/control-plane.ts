import { type Body, list, refused, text } from './call.ts';
import { Delivery } from './delivery.ts';
import type { Candidate } from './placement.ts';
import { type Registration, Registrations } from './registrations.ts';
import { endTask, makeTask, type NewTask, now, type Task, type TaskStatus, Tasks } from './tasks.ts';

type Where = { readonly region: string; readonly cluster: string };

/** Instances and tasks, and what happens between them. */
export class ControlPlane {
  readonly registrations = new Registrations();
  readonly tasks = new Tasks();
  readonly delivery: Delivery;
  readonly log: (line: string) => void;
  readonly #onChange: (where: Where) => void;

  /** @param onChange told when something may have become possible, or necessary, in a cluster */
  constructor(log: (line: string) => void, onChange: (where: Where) => void) {
    this.log = log;
    this.#onChange = onChange;
    this.delivery = new Delivery({ registrations: this.registrations, tasks: this.tasks, log });
  }

  changed(where: Where): void {
    this.#onChange(where);
  }

  /** Where a task may be put; an instance that is DRAINING takes no more. */
  candidates({ region, cluster }: Where): readonly Candidate[] {
    return this.registrations
      .ofCluster(region, cluster)
      .filter(({ status }) => status === 'ACTIVE')
      .map((instance) => this.candidate(instance));
  }

  candidate(instance: Registration): Candidate {
    return { instance, taken: this.tasks.on(instance.arn).map(({ resources }) => resources) };
  }

  start(order: NewTask): Task {
    const task = makeTask(order);
    this.tasks.put(task);
    this.log(`ecs: ${task.arn} is placed on ${order.instance.instanceId}`);
    this.delivery.order(task);
    return task;
  }

  stop(task: Task, stopCode: string, stoppedReason: string): void {
    if (task.desiredStatus === 'STOPPED') return;
    Object.assign(task, { desiredStatus: 'STOPPED', stopCode, stoppedReason, stoppingAt: now() });
    task.isAcknowledged = false;
    task.version += 1;
    this.delivery.order(task);
  }

  /** The container instance is gone, and what ran on it has ended. */
  forget(instance: Registration, reason: string): void {
    for (const task of this.tasks.on(instance.arn)) endTask(task, 'TerminationNotice', reason);
    this.registrations.delete(instance.arn);
    this.changed(instance);
  }

  /** SubmitTaskStateChange. @throws Refused for a task that was never placed */
  taskChanged(where: Where, body: Body): void {
    const task = this.tasks.find(where.region, where.cluster, text(body['task']));
    if (!task) throw refused('InvalidParameterException', 'The referenced task was not found.');
    if (task.lastStatus === 'STOPPED') return;
    for (const change of list(body['containers'])) applyToContainer(task, change);
    for (const name of ['pullStartedAt', 'pullStoppedAt', 'executionStoppedAt'] as const)
      if (body[name] !== undefined) task[name] = secondsOf(body[name]);
    applyStatus(task, text(body['status']), text(body['reason']));
    task.version += 1;
    this.changed(task);
  }
}

/** An SDK writes times of the JSON protocol as numbers, and some write them as text. */
function secondsOf(value: unknown): number {
  return typeof value === 'number' ? value : Date.parse(text(value)) / 1000;
}

const STATES: readonly string[] = ['PENDING', 'RUNNING', 'STOPPED'] satisfies TaskStatus[];

function applyToContainer(task: Task, change: Body): void {
  const container = task.containers.find(({ definition }) => definition.name === change['containerName']);
  if (!container) return;
  const { status, runtimeId, imageDigest, exitCode, reason, networkBindings } = change;
  if (STATES.includes(text(status))) container.lastStatus = status as TaskStatus;
  if (text(runtimeId) !== '') container.runtimeId = text(runtimeId);
  if (text(imageDigest) !== '') container.imageDigest = text(imageDigest);
  if (text(reason) !== '') container.reason = text(reason);
  if (typeof exitCode === 'number') container.exitCode = exitCode;
  if (Array.isArray(networkBindings)) container.networkBindings = networkBindings as Body[];
}

function applyStatus(task: Task, status: string, reason: string): void {
  task.isAcknowledged = true;
  task.connectivityAt ??= now();
  if (status === 'RUNNING' && task.lastStatus === 'PENDING') {
    task.lastStatus = 'RUNNING';
    task.startedAt = now();
  }
  if (status !== 'STOPPED') return;
  const hasRun = task.startedAt !== undefined;
  const exited = 'Essential container in task exited';
  const code = hasRun ? 'EssentialContainerExited' : 'TaskFailedToStart';
  endTask(task, code, reason !== '' ? reason : hasRun ? exited : 'Task failed to start');
}
