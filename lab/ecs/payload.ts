import type { Body } from './call.ts';
import type { ContainerDefinition } from './task-definition.ts';
import type { Task, TaskContainer } from './tasks.ts';

const MIB = 1024 * 1024;

function withoutEmpty(body: Body): Body {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined && value !== null));
}

/** What goes to Docker past the agent: the agent lays it over what it makes itself. */
function dockerConfig({ rest, memoryReservation }: ContainerDefinition, networkMode: string): Body {
  const log = rest['logConfiguration'] as { logDriver: string; options?: Body } | null | undefined;
  const linux = (rest['linuxParameters'] ?? {}) as Readonly<Record<string, unknown>>;
  const capabilities = (linux['capabilities'] ?? {}) as { add?: string[]; drop?: string[] };
  const ulimits = (rest['ulimits'] ?? []) as { name: string; softLimit: number; hardLimit: number }[];
  const hosts = (rest['extraHosts'] ?? []) as { hostname: string; ipAddress: string }[];
  const shm = linux['sharedMemorySize'] as number | undefined;
  const config = withoutEmpty({
    User: rest['user'],
    WorkingDir: rest['workingDirectory'],
    Hostname: rest['hostname'],
    Labels: rest['dockerLabels'],
  });
  const hostConfig = withoutEmpty({
    NetworkMode: networkMode,
    CapAdd: capabilities.add ?? [],
    CapDrop: capabilities.drop ?? [],
    MemoryReservation: memoryReservation === null ? undefined : memoryReservation * MIB,
    LogConfig: log ? { Type: log.logDriver, Config: log.options ?? {} } : undefined,
    Privileged: rest['privileged'],
    ReadonlyRootfs: rest['readonlyRootFilesystem'],
    Ulimits: ulimits.map(({ name, softLimit, hardLimit }) => ({ Name: name, Soft: softLimit, Hard: hardLimit })),
    ExtraHosts: hosts.map(({ hostname, ipAddress }) => `${hostname}:${ipAddress}`),
    Init: linux['initProcessEnabled'],
    ShmSize: shm === undefined ? undefined : shm * MIB,
  });
  return { version: '1.18', config: JSON.stringify(config), hostConfig: JSON.stringify(hostConfig) };
}

function containerPayload(task: Task, { definition, arn }: TaskContainer): Body {
  const { name, image, isEssential, cpu, memory, ports, environment, rest } = definition;
  return withoutEmpty({
    name,
    image,
    essential: isEssential,
    cpu,
    memory: memory ?? 0,
    environment: { AWS_EXECUTION_ENV: 'AWS_ECS_EC2', ...environment },
    portMappings: ports,
    mountPoints: rest['mountPoints'] ?? [],
    command: rest['command'],
    entryPoint: rest['entryPoint'],
    stopTimeout: rest['stopTimeout'],
    containerArn: arn,
    dockerConfig: dockerConfig(definition, task.definition.networkMode),
  });
}

/**
 * Pure: a task as its agent is told of it. The environment is a map here, and a GPU is an association of a container
 * with it.
 */
export function taskPayload(task: Task, clusterArn: string): Body {
  const { definition, containers, desiredStatus, group } = task;
  const common = {
    arn: task.arn,
    family: definition.family,
    version: String(definition.revision),
    desiredStatus,
    taskClusterArn: clusterArn,
  };
  // To stop a task nothing of it has to be told again.
  if (desiredStatus === 'STOPPED') return { ...common, containers: [] };
  return {
    ...common,
    launchType: 'EC2',
    networkMode: definition.networkMode,
    group,
    ...(definition.cpu === null ? {} : { cpu: definition.cpu / 1024 }),
    ...(definition.memory === null ? {} : { memory: definition.memory }),
    volumes: definition.volumes.map(({ name, host }) => ({ name, type: 'host', host: host ?? {} })),
    containers: containers.map((container) => containerPayload(task, container)),
    associations: containers.flatMap(({ definition: { name }, gpuIds }) =>
      gpuIds.map((gpu) => ({
        name: gpu,
        type: 'gpu',
        content: { encoding: 'base64', value: 'dmFs' },
        containers: [name],
      })),
    ),
  };
}
