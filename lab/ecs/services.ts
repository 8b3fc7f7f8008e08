import { randomUUID } from 'node:crypto';
import type { Body } from './call.ts';
import type { ControlPlane } from './control-plane.ts';
import { choose, type NotPlaced } from './placement.ts';
import type { TaskDefinition } from './task-definition.ts';
import { now, type Task } from './tasks.ts';

export type Service = {
  readonly arn: string;
  readonly name: string;
  readonly region: string;
  readonly cluster: string;
  readonly clusterArn: string;
  readonly createdAt: number;
  readonly tags: readonly Body[];
  definition: TaskDefinition;
  desiredCount: number;
  constraints: readonly Body[];
  minimumHealthyPercent: number;
  maximumPercent: number;
  status: 'ACTIVE' | 'DRAINING' | 'INACTIVE';
  /** Newest first. */
  events: readonly { readonly id: string; readonly createdAt: number; readonly message: string }[];
  /** Starts in a row that came to nothing. */
  failedStarts: number;
  /** No start before this. */
  pausedUntil: number;
};

const EVENTS_KEPT = 100;
const LONGEST_PAUSE_S = 15 * 60;

/** Pure: which of a service's tasks are where they should be, and which have to go elsewhere. */
export function sortTasks(
  service: Pick<Service, 'definition'>,
  tasks: readonly Task[],
  isActive: (instanceArn: string) => boolean,
): { readonly staying: readonly Task[]; readonly leaving: readonly Task[] } {
  const wanted = tasks.filter(({ desiredStatus }) => desiredStatus === 'RUNNING');
  const isStaying = (task: Task): boolean =>
    isActive(task.instanceArn) && task.definition.arn === service.definition.arn;
  return { staying: wanted.filter(isStaying), leaving: wanted.filter((task) => !isStaying(task)) };
}

/** Pure: how many tasks to start, and which to stop, now. One that waits to run is stopped without a thought. */
export function nextSteps(
  { desiredCount, minimumHealthyPercent, maximumPercent }: Service,
  present: number,
  { staying, leaving }: ReturnType<typeof sortTasks>,
): { readonly starts: number; readonly stops: readonly Task[] } {
  const ceiling = Math.floor((desiredCount * maximumPercent) / 100);
  const floor = Math.ceil((desiredCount * minimumHealthyPercent) / 100);
  const isRunning = (task: Task): boolean => task.lastStatus === 'RUNNING';
  const surplus = staying.slice(desiredCount);
  const running = [...staying.slice(0, desiredCount), ...leaving].filter(isRunning).length;
  const idle = leaving.filter((task) => !isRunning(task));
  const spare = leaving.filter(isRunning).slice(0, Math.max(running - floor, 0));
  return {
    starts: Math.max(Math.min(desiredCount - staying.length, ceiling - present), 0),
    stops: [...surplus, ...idle, ...spare],
  };
}

function wordsFor({ failures }: NotPlaced): string {
  const all = 'was unable to place a task because no container instance met all of its requirements.';
  const closest = failures[0];
  return closest === undefined
    ? `${all} Reason: No Container Instances were found in your cluster.`
    : `${all} The closest matching container-instance ${closest.arn.split('/').at(-1)} encountered error "${closest.reason}".`;
}

/**
 * Services, and what keeps as many tasks running as each wants. What cannot be placed waits, and is placed when an
 * instance comes.
 */
export class Services {
  readonly #plane: () => ControlPlane;
  readonly #all = new Map<string, Service>();
  readonly #known = new Set<string>();

  constructor(plane: () => ControlPlane) {
    this.#plane = plane;
  }

  put(service: Service): void {
    this.#all.set(service.arn, service);
  }

  find(region: string, cluster: string, name: string): Service | undefined {
    return this.ofCluster(region, cluster).find((service) => service.name === name);
  }

  ofCluster(region: string, cluster: string): readonly Service[] {
    return [...this.#all.values()].filter((service) => service.region === region && service.cluster === cluster);
  }

  /** That have not stopped. */
  tasksOf({ arn, region, cluster }: Service): readonly Task[] {
    return this.#plane()
      .tasks.ofCluster(region, cluster)
      .filter((task) => task.serviceArn === arn && task.lastStatus !== 'STOPPED');
  }

  /** Looks at each service of a cluster, and does what is to be done now. */
  look({ region, cluster }: { readonly region: string; readonly cluster: string }): void {
    for (const service of this.ofCluster(region, cluster)) if (service.status !== 'INACTIVE') this.#reconcile(service);
  }

  #reconcile(service: Service): void {
    const plane = this.#plane();
    this.#noteEnds(service);
    const tasks = this.tasksOf(service);
    const sorted = sortTasks(service, tasks, (arn) => plane.registrations.get(arn)?.status === 'ACTIVE');
    const { starts, stops } = nextSteps(service, tasks.length, sorted);
    for (const task of stops) {
      plane.stop(task, 'ServiceSchedulerInitiated', `Scaling activity initiated by (deployment ${service.name})`);
      this.#say(service, `has stopped 1 running tasks: (task ${task.arn.split('/').at(-1)}).`);
    }
    if (service.pausedUntil <= now()) for (let made = 0; made < starts && this.#startOne(service); made += 1);
    if (service.status === 'DRAINING' && tasks.length === 0) service.status = 'INACTIVE';
    const isSteady =
      tasks.length === service.desiredCount &&
      sorted.staying.length === tasks.length &&
      tasks.every(({ lastStatus }) => lastStatus === 'RUNNING');
    if (isSteady && service.desiredCount > 0) {
      service.failedStarts = 0;
      this.#say(service, 'has reached a steady state.');
    }
  }

  #startOne(service: Service): boolean {
    const plane = this.#plane();
    const { definition, constraints, arn, name } = service;
    const found = choose(definition, plane.candidates(service), {
      constraints,
      ofTheGroup: new Set(this.tasksOf(service).map(({ instanceArn }) => instanceArn)),
    });
    if ('failures' in found) {
      this.#say(service, wordsFor(found));
      return false;
    }
    const task = plane.start({
      definition,
      ...found,
      group: `service:${name}`,
      serviceArn: arn,
      startedBy: `ecs-svc/${name}`,
      overrides: { containerOverrides: [] },
      tags: [],
    });
    this.#say(service, `has started 1 tasks: (task ${task.arn.split('/').at(-1)}).`);
    return true;
  }

  /** One whose tasks never come to run is tried again ever more rarely. */
  #noteEnds(service: Service): void {
    const ended = this.#plane()
      .tasks.ofCluster(service.region, service.cluster)
      .filter((task) => task.serviceArn === service.arn && task.stopCode === 'TaskFailedToStart');
    for (const { arn } of ended.filter((task) => !this.#known.has(task.arn))) {
      this.#known.add(arn);
      service.failedStarts += 1;
      const pauseS = Math.min(2 ** service.failedStarts, LONGEST_PAUSE_S);
      service.pausedUntil = now() + pauseS;
      this.#say(service, 'is unable to consistently start tasks successfully.');
      setTimeout(() => this.look(service), pauseS * 1000 + 10).unref();
    }
  }

  /** What was said last of all is not said again. */
  #say(service: Service, what: string): void {
    const message = `(service ${service.name}) ${what}`;
    if (service.events[0]?.message === message) return;
    const event = { id: randomUUID(), createdAt: now(), message };
    service.events = [event, ...service.events].slice(0, EVENTS_KEPT);
    this.#plane().log(`ecs: ${message}`);
  }
}
