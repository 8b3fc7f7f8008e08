import { type Ask, type Body, list, refused, text, unsupported } from './call.ts';

export type PortMapping = { readonly containerPort: number; readonly hostPort: number; readonly protocol: string };

/** A container as a task definition has it, with what an override says instead. */
export type ContainerDefinition = {
  readonly name: string;
  readonly image: string;
  readonly cpu: number;
  /** MiB, or null for no limit. */
  readonly memory: number | null;
  readonly memoryReservation: number | null;
  readonly isEssential: boolean;
  readonly gpus: number;
  readonly ports: readonly PortMapping[];
  readonly environment: Readonly<Record<string, string>>;
  /** The rest as it was written: what the agent, or Docker, is given. */
  readonly rest: Body;
};

export type TaskDefinition = {
  readonly arn: string;
  readonly family: string;
  readonly revision: number;
  readonly networkMode: string;
  /** Of the whole task; null when only its containers have some. */
  readonly cpu: number | null;
  readonly memory: number | null;
  readonly placementConstraints: readonly Body[];
  readonly volumes: readonly Body[];
  readonly containers: readonly ContainerDefinition[];
};

const OF_A_TASK = new Set(
  (
    'taskDefinitionArn containerDefinitions family revision networkMode volumes status requiresAttributes ' +
    'placementConstraints compatibilities requiresCompatibilities cpu memory registeredAt registeredBy tags'
  ).split(' '),
);
const OF_A_CONTAINER = new Set(
  (
    'name image cpu memory memoryReservation essential portMappings environment resourceRequirements command ' +
    'entryPoint mountPoints stopTimeout user workingDirectory hostname dockerLabels privileged ' +
    'readonlyRootFilesystem ulimits extraHosts logConfiguration linuxParameters'
  ).split(' '),
);
const OF_LINUX = new Set(['initProcessEnabled', 'sharedMemorySize', 'capabilities']);
const NETWORK_MODES = ['bridge', 'host', 'none'];

/** moto writes much that was not said, as nothing. */
function isSaid(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return false;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}

/** @throws Refused when something is said that is not among these */
export function onlyKnown(body: Body, known: ReadonlySet<string>, of: string): void {
  const unknown = Object.entries(body).find(([name, value]) => !known.has(name) && isSaid(value));
  if (unknown) throw unsupported(`${unknown[0]} of ${of}`);
}

function numberOrNull(value: unknown): number | null {
  return value === undefined || value === null || value === '' ? null : Number(value);
}

function gpusOf(requirements: unknown, name: string): number {
  return list(requirements).reduce((sum, { type, value }) => {
    if (type !== 'GPU') throw unsupported(`the resource ${text(type)} of container ${name}`);
    return sum + Number(value);
  }, 0);
}

function portOf(mapping: Body): PortMapping {
  onlyKnown(mapping, new Set(['containerPort', 'hostPort', 'protocol', 'name', 'appProtocol']), 'a port mapping');
  return {
    containerPort: Number(mapping['containerPort']),
    hostPort: Number(mapping['hostPort'] ?? 0),
    protocol: text(mapping['protocol']) || 'tcp',
  };
}

function environmentOf(value: unknown): Record<string, string> {
  return Object.fromEntries(list(value).map((each) => [text(each['name']), text(each['value'])]));
}

function containerOf(body: Body): ContainerDefinition {
  const name = text(body['name']);
  onlyKnown(body, OF_A_CONTAINER, `container ${name}`);
  onlyKnown((body['linuxParameters'] ?? {}) as Body, OF_LINUX, `the linuxParameters of container ${name}`);
  return {
    name,
    image: text(body['image']),
    cpu: Number(body['cpu'] ?? 0),
    memory: numberOrNull(body['memory']),
    memoryReservation: numberOrNull(body['memoryReservation']),
    isEssential: body['essential'] !== false,
    gpus: gpusOf(body['resourceRequirements'], name),
    ports: list(body['portMappings']).map(portOf),
    environment: environmentOf(body['environment']),
    rest: body,
  };
}

/** Pure: a task definition as moto describes it. @throws Refused for what the lab's agents could not run */
export function readTaskDefinition(body: Body): TaskDefinition {
  onlyKnown(body, OF_A_TASK, 'a task definition');
  const networkMode = text(body['networkMode']) || 'bridge';
  if (!NETWORK_MODES.includes(networkMode)) throw unsupported(`networkMode ${networkMode}`);
  const volumes = list(body['volumes']);
  for (const volume of volumes) onlyKnown(volume, new Set(['name', 'host']), `volume ${text(volume['name'])}`);
  return {
    arn: text(body['taskDefinitionArn']),
    family: text(body['family']),
    revision: Number(body['revision']),
    networkMode,
    cpu: numberOrNull(body['cpu']),
    memory: numberOrNull(body['memory']),
    placementConstraints: list(body['placementConstraints']),
    volumes,
    containers: list(body['containerDefinitions']).map(containerOf),
  };
}

/** @throws Refused when there is none, it was deregistered, or the lab cannot do what it says */
export async function findTaskDefinition(ask: Ask, taskDefinition: string): Promise<TaskDefinition> {
  const { taskDefinition: found } = (await ask('DescribeTaskDefinition', { taskDefinition })) as {
    taskDefinition: Body;
  };
  if (found['status'] !== 'ACTIVE') throw refused('ClientException', 'TaskDefinition is inactive');
  return readTaskDefinition(found);
}

const OF_AN_OVERRIDE = new Set(['name', 'command', 'environment']);

/** Pure: with `overrides` as RunTask takes them. @throws Refused */
export function overridden(definition: TaskDefinition, overrides: Body): TaskDefinition {
  onlyKnown(overrides, new Set(['containerOverrides']), 'overrides');
  let { containers } = definition;
  for (const override of list(overrides['containerOverrides'])) {
    onlyKnown(override, OF_AN_OVERRIDE, 'a container override');
    const { name, command, environment } = override;
    if (!containers.some((each) => each.name === name))
      throw refused(
        'InvalidParameterException',
        `Override for container named ${text(name)} is not a container in the TaskDefinition.`,
      );
    const change = (each: ContainerDefinition): ContainerDefinition => ({
      ...each,
      environment: { ...each.environment, ...environmentOf(environment) },
      rest: command === undefined ? each.rest : { ...each.rest, command },
    });
    containers = containers.map((each) => (each.name === name ? change(each) : each));
  }
  return { ...definition, containers };
}
