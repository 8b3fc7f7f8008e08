import { randomBytes } from 'node:crypto';
import { type Body, idOf } from './call.ts';
import type { Registration } from './registrations.ts';
import type { Resources } from './resources.ts';
import type { ContainerDefinition, TaskDefinition } from './task-definition.ts';

export type TaskStatus = 'PENDING' | 'RUNNING' | 'STOPPED';

export type TaskContainer = {
  readonly definition: ContainerDefinition;
  readonly arn: string;
  readonly gpuIds: readonly string[];
  lastStatus: TaskStatus;
  runtimeId?: string;
  imageDigest?: string;
  exitCode?: number;
  reason?: string;
  networkBindings: readonly Body[];
};

export type Task = {
  readonly arn: string;
  readonly definition: TaskDefinition;
  readonly instanceArn: string;
  readonly cluster: string;
  readonly region: string;
  readonly resources: Resources;
  readonly containers: readonly TaskContainer[];
  readonly group: string;
  /** Of a service: its ARN. */
  readonly serviceArn: string | null;
  readonly startedBy: string;
  readonly overrides: Body;
  readonly tags: readonly Body[];
  /** Seconds since 1970, as all times here. */
  readonly createdAt: number;
  desiredStatus: 'RUNNING' | 'STOPPED';
  lastStatus: TaskStatus;
  /** Whether an agent has said that it has the order. */
  isAcknowledged: boolean;
  version: number;
  connectivityAt?: number;
  pullStartedAt?: number;
  pullStoppedAt?: number;
  startedAt?: number;
  stoppingAt?: number;
  executionStoppedAt?: number;
  stoppedAt?: number;
  stopCode?: string;
  stoppedReason?: string;
};

/** How long ECS still shows a task that ended. */
const SHOWN_S = 3600;

export function now(): number {
  return Date.now() / 1000;
}

function taskArn(instance: Registration, kind: 'task' | 'container', ...ids: readonly string[]): string {
  const account = instance.arn.split(':')[4] ?? '';
  return `arn:aws:ecs:${instance.region}:${account}:${kind}/${[instance.cluster, ...ids].join('/')}`;
}

export type NewTask = {
  readonly definition: TaskDefinition;
  readonly instance: Registration;
  readonly resources: Resources;
  readonly group: string;
  readonly serviceArn: string | null;
  readonly startedBy: string;
  readonly overrides: Body;
  readonly tags: readonly Body[];
};

/** A task that was placed, and of which its agent is to be told. */
export function makeTask({ definition, instance, resources, ...rest }: NewTask): Task {
  const id = randomBytes(16).toString('hex');
  const gpus = [...resources.gpus];
  return {
    ...rest,
    arn: taskArn(instance, 'task', id),
    definition,
    instanceArn: instance.arn,
    cluster: instance.cluster,
    region: instance.region,
    resources,
    containers: definition.containers.map((each) => ({
      definition: each,
      arn: taskArn(instance, 'container', id, randomBytes(16).toString('hex')),
      gpuIds: gpus.splice(0, each.gpus),
      lastStatus: 'PENDING',
      networkBindings: [],
    })),
    createdAt: now(),
    desiredStatus: 'RUNNING',
    lastStatus: 'PENDING',
    isAcknowledged: false,
    version: 1,
  };
}

/** Tasks by ARN. In memory: what ran in a lab that went down is gone with its machines. */
export class Tasks {
  readonly #byArn = new Map<string, Task>();

  put(task: Task): void {
    for (const [arn, { stoppedAt }] of this.#byArn)
      if (stoppedAt !== undefined && stoppedAt < now() - SHOWN_S) this.#byArn.delete(arn);
    this.#byArn.set(task.arn, task);
  }

  /** By ARN or id. */
  find(region: string, cluster: string, nameOrArn: string): Task | undefined {
    return this.ofCluster(region, cluster).find(({ arn }) => idOf(arn) === idOf(nameOrArn));
  }

  ofCluster(region: string, cluster: string): readonly Task[] {
    return [...this.#byArn.values()].filter((task) => task.region === region && task.cluster === cluster);
  }

  /** That have not stopped. */
  on(instanceArn: string): readonly Task[] {
    return [...this.#byArn.values()].filter(
      (task) => task.instanceArn === instanceArn && task.lastStatus !== 'STOPPED',
    );
  }
}

/** Ends a task of which no agent will say any more that it ended. */
export function endTask(task: Task, stopCode: string, stoppedReason: string): void {
  task.desiredStatus = 'STOPPED';
  task.lastStatus = 'STOPPED';
  task.stopCode ??= stopCode;
  task.stoppedReason ??= stoppedReason;
  task.stoppedAt = now();
  task.version += 1;
  for (const container of task.containers) container.lastStatus = 'STOPPED';
}

function describeContainer(task: Task, { definition, arn, gpuIds, ...state }: TaskContainer): Body {
  const { name, image, cpu, memory, memoryReservation } = definition;
  return {
    containerArn: arn,
    taskArn: task.arn,
    name,
    image,
    ...state,
    networkInterfaces: [],
    healthStatus: 'UNKNOWN',
    cpu: String(cpu),
    ...(memory === null ? {} : { memory: String(memory) }),
    ...(memoryReservation === null ? {} : { memoryReservation: String(memoryReservation) }),
    ...(gpuIds.length === 0 ? {} : { gpuIds }),
  };
}

/** Pure: as DescribeTasks shows it. Members without a value are not there. */
export function describeTask(task: Task, clusterArn: string): Body {
  const { definition, resources, containers, serviceArn: _, isAcknowledged: __, ...rest } = task;
  const { arn, instanceArn, cluster: ___, region: ____, ...shown } = rest;
  return {
    ...shown,
    taskArn: arn,
    clusterArn,
    containerInstanceArn: instanceArn,
    taskDefinitionArn: definition.arn,
    attachments: [],
    attributes: [],
    connectivity: 'CONNECTED',
    containers: containers.map((container) => describeContainer(task, container)),
    cpu: String(resources.cpu),
    memory: String(resources.memory),
    enableExecuteCommand: false,
    healthStatus: 'UNKNOWN',
    launchType: 'EC2',
  };
}
