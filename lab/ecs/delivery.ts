import { randomUUID } from 'node:crypto';
import { type Body, list, text } from './call.ts';
import { taskPayload } from './payload.ts';
import type { Link, Registration, Registrations } from './registrations.ts';
import type { Task, Tasks } from './tasks.ts';
import type { Frame } from './wire.ts';

export function clusterArn({ arn, region, cluster }: Pick<Registration, 'arn' | 'region' | 'cluster'>): string {
  return `arn:aws:ecs:${region}:${arn.split(':')[4] ?? ''}:cluster/${cluster}`;
}

type Order = { readonly task: Task; readonly desiredStatus: Task['desiredStatus'] };

/**
 * Orders to agents, over ACS. One that an agent has not acknowledged is given again when it connects; so is each stop,
 * until the task has ended.
 */
export class Delivery {
  readonly #registrations: Registrations;
  readonly #tasks: Tasks;
  readonly #log: (line: string) => void;
  readonly #orders = new Map<string, Order>();
  /** The agent overlooks a manifest that is not newer than all that it was told before. */
  #sequence = 0;

  constructor(parts: { registrations: Registrations; tasks: Tasks; log: (line: string) => void }) {
    this.#registrations = parts.registrations;
    this.#tasks = parts.tasks;
    this.#log = parts.log;
  }

  /** Tells the task's agent what is wanted of it, now or when it connects. */
  order(task: Task): void {
    const instance = this.#registrations.get(task.instanceArn);
    const link = [...(instance?.links ?? [])].at(-1);
    if (instance && link) this.#give(task, instance, link);
  }

  connected(instance: Registration, link: Link): void {
    const tasks = this.#tasks.on(instance.arn);
    this.#sequence += 1;
    link.send('TaskManifestMessage', {
      ...this.#envelope(instance),
      messageId: randomUUID(),
      timeline: this.#sequence,
      tasks: tasks.map(({ arn, desiredStatus }) => ({
        taskArn: arn,
        taskClusterArn: clusterArn(instance),
        desiredStatus,
      })),
    });
    for (const task of tasks)
      if (!task.isAcknowledged || task.desiredStatus === 'STOPPED') this.#give(task, instance, link);
  }

  received(instance: Registration, link: Link, { type, message }: Frame): void {
    if (type === 'AckRequest') this.#acknowledged(text(message['messageId']));
    else if (type === 'TaskStopVerificationMessage') this.#verifyStops(instance, link, message);
    else if (type !== 'HeartbeatAckRequest') this.#log(`ecs: the agent of ${instance.instanceId} sent ${type}`);
  }

  #envelope(instance: Registration): Body {
    return { clusterArn: clusterArn(instance), containerInstanceArn: instance.arn, generatedAt: Date.now() };
  }

  #give(task: Task, instance: Registration, link: Link): void {
    const messageId = randomUUID();
    this.#orders.set(messageId, { task, desiredStatus: task.desiredStatus });
    this.#sequence += 1;
    link.send('PayloadMessage', {
      ...this.#envelope(instance),
      messageId,
      seqNum: this.#sequence,
      tasks: [taskPayload(task, clusterArn(instance))],
    });
  }

  #acknowledged(messageId: string): void {
    const order = this.#orders.get(messageId);
    this.#orders.delete(messageId);
    if (order && order.desiredStatus === order.task.desiredStatus) order.task.isAcknowledged = true;
  }

  /** What an agent runs and its manifest did not name is to be stopped, unless it was placed in the meantime. */
  #verifyStops(instance: Registration, link: Link, message: Frame['message']): void {
    const wanted = new Set(
      this.#tasks.on(instance.arn).flatMap(({ arn, desiredStatus }) => (desiredStatus === 'RUNNING' ? [arn] : [])),
    );
    const stopTasks = list(message['stopCandidates']).filter((each) => !wanted.has(text(each['taskArn'])));
    link.send('TaskStopVerificationAck', {
      messageId: message['messageId'],
      generatedAt: Date.now(),
      stopTasks: stopTasks.map((each) => ({ ...each, desiredStatus: 'STOPPED' })),
    });
  }
}
