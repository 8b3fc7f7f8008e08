import type { ContainerFacts } from './docker.ts';
import { gpusOf, type PayloadContainer, type PayloadTask } from './payload.ts';

const MIB = 1024 * 1024;
/** Docker takes no less than these. */
const LEAST = { memoryMiB: 6, cpuShares: 2 };

function parse(json: string | undefined): Record<string, unknown> {
  return json === undefined || json === '' ? {} : (JSON.parse(json) as Record<string, unknown>);
}

function binds({ volumes = [] }: PayloadTask, { mountPoints = [] }: PayloadContainer): string[] {
  return mountPoints.map(({ sourceVolume, containerPath, readOnly }) => {
    const path = volumes.find(({ name }) => name === sourceVolume)?.host?.sourcePath;
    if (path === undefined) throw new Error(`no volume ${sourceVolume}`);
    return `${path}:${containerPath}${readOnly ? ':ro' : ''}`;
  });
}

/**
 * Pure: what Docker is told to make, as the real agent tells it. What stands in `dockerConfig` is laid over it, but for
 * the agent's own labels.
 *
 * @throws Error for a mount point without a volume
 */
export function containerSpec(
  task: PayloadTask,
  container: PayloadContainer,
  { cluster, nvidiaRuntime }: { readonly cluster: string; readonly nvidiaRuntime: string },
): Record<string, unknown> {
  const { memory = 0, cpu = 0, portMappings = [], environment = {}, dockerConfig = {} } = container;
  const gpus = gpusOf(task, container.name);
  const ports = portMappings.map(
    ({ containerPort, hostPort = 0, protocol = 'tcp' }) => [`${containerPort}/${protocol}`, String(hostPort)] as const,
  );
  const env = { ...environment, ...(gpus.length > 0 ? { NVIDIA_VISIBLE_DEVICES: gpus.join(',') } : {}) };
  const config = parse(dockerConfig.config);
  return {
    Image: container.image,
    ...(container.command === undefined ? {} : { Cmd: container.command }),
    ...(container.entryPoint === undefined ? {} : { Entrypoint: container.entryPoint }),
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    ExposedPorts: Object.fromEntries(ports.map(([port]) => [port, {}])),
    ...config,
    Labels: {
      ...(config['Labels'] as object | undefined),
      'com.amazonaws.ecs.task-arn': task.arn,
      'com.amazonaws.ecs.container-name': container.name,
      'com.amazonaws.ecs.task-definition-family': task.family,
      'com.amazonaws.ecs.task-definition-version': task.version,
      'com.amazonaws.ecs.cluster': cluster,
    },
    HostConfig: {
      Binds: binds(task, container),
      PortBindings: Object.fromEntries(ports.map(([port, HostPort]) => [port, [{ HostPort }]])),
      Memory: memory === 0 ? 0 : Math.max(memory, LEAST.memoryMiB) * MIB,
      CpuShares: Math.max(cpu, LEAST.cpuShares),
      ...(task.networkMode === undefined ? {} : { NetworkMode: task.networkMode }),
      ...(gpus.length > 0 ? { Runtime: nvidiaRuntime } : {}),
      ...parse(dockerConfig.hostConfig),
    },
  };
}

export type NetworkBinding = {
  readonly bindIP: string;
  readonly containerPort: number;
  readonly hostPort: number;
  readonly protocol: 'tcp' | 'udp';
};

/** Pure: the ports of the host that Docker gave. */
export function networkBindings({ NetworkSettings }: ContainerFacts): NetworkBinding[] {
  return Object.entries(NetworkSettings.Ports ?? {}).flatMap(([port, bound]) => {
    const [containerPort, protocol] = port.split('/');
    return (bound ?? []).map(({ HostIp, HostPort }) => ({
      bindIP: HostIp,
      containerPort: Number(containerPort),
      hostPort: Number(HostPort),
      protocol: protocol === 'udp' ? 'udp' : 'tcp',
    }));
  });
}
