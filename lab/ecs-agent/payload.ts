/** A task as ACS tells of it, as far as it can be run here. */
export type PayloadContainer = {
  readonly name: string;
  readonly image: string;
  readonly essential?: boolean;
  readonly cpu?: number;
  /** MiB; 0 for no limit. */
  readonly memory?: number;
  readonly environment?: Readonly<Record<string, string>>;
  readonly portMappings?: readonly { containerPort: number; hostPort?: number; protocol?: string }[];
  readonly mountPoints?: readonly { sourceVolume: string; containerPath: string; readOnly?: boolean }[];
  readonly command?: readonly string[];
  readonly entryPoint?: readonly string[];
  /** Seconds. */
  readonly stopTimeout?: number;
  /** JSON in JSON: what is laid over the agent's own orders to Docker. */
  readonly dockerConfig?: { readonly config?: string; readonly hostConfig?: string };
};

export type PayloadTask = {
  readonly arn: string;
  readonly family: string;
  readonly version: string;
  readonly desiredStatus: 'RUNNING' | 'STOPPED';
  readonly networkMode?: string;
  readonly containers: readonly PayloadContainer[];
  readonly volumes?: readonly { name: string; type?: string; host?: { sourcePath?: string } }[];
  readonly associations?: readonly { name: string; type: string; containers: readonly string[] }[];
};

const OF_A_TASK = new Set(
  (
    'arn family version desiredStatus networkMode containers volumes associations launchType group cpu memory ' +
    'taskClusterArn serviceName taskDefinitionAccountId zone'
  ).split(' '),
);
const OF_A_CONTAINER = new Set(
  (
    'name image essential cpu memory environment portMappings mountPoints command entryPoint stopTimeout ' +
    'dockerConfig containerArn'
  ).split(' '),
);

function isSaid(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return false;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}

function unknownIn(what: object, known: ReadonlySet<string>): string | undefined {
  return Object.entries(what).find(([name, value]) => !known.has(name) && isSaid(value))?.[0];
}

/** Pure: what a task asks for that this agent was not taught, or null. */
export function untaught(task: PayloadTask): string | null {
  const ofTask = unknownIn(task, OF_A_TASK);
  if (ofTask !== undefined) return `${ofTask} of a task`;
  if (!['bridge', 'host', 'none', undefined].includes(task.networkMode)) return `networkMode ${task.networkMode}`;
  const volume = task.volumes?.find(({ type, host }) => (type ?? 'host') !== 'host' || !host?.sourcePath);
  if (volume) return `volume ${volume.name}, which names no path of the host`;
  const association = task.associations?.find(({ type }) => type !== 'gpu');
  if (association) return `association ${association.type}`;
  for (const container of task.containers) {
    const ofContainer = unknownIn(container, OF_A_CONTAINER);
    if (ofContainer !== undefined) return `${ofContainer} of container ${container.name}`;
  }
  return null;
}

/** Pure: the GPUs of one container. */
export function gpusOf({ associations = [] }: PayloadTask, container: string): readonly string[] {
  return associations.flatMap(({ name, containers }) => (containers.includes(container) ? [name] : []));
}
