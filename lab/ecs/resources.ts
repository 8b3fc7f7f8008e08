import { type Body, list, text } from './call.ts';

/** What a container instance has, or what a task takes of it. */
export type Resources = {
  /** 1024 are a processor. */
  readonly cpu: number;
  /** MiB */
  readonly memory: number;
  readonly gpus: readonly string[];
  /** `80/tcp`: on the host, and taken. */
  readonly ports: readonly string[];
};

/** Pure: what an agent sent with its registration; GPUs are no resource of it, they come as platform devices. */
export function registeredResources(body: Body): Resources {
  const totals = list(body['totalResources']);
  const named = (name: string): Body => totals.find((each) => each['name'] === name) ?? {};
  const ports = (name: string, protocol: string): string[] =>
    list<string>(named(name)['stringSetValue']).map((port) => `${port}/${protocol}`);
  return {
    cpu: Number(named('CPU')['integerValue'] ?? 0),
    memory: Number(named('MEMORY')['integerValue'] ?? 0),
    gpus: list(body['platformDevices']).flatMap(({ type, id }) => (type === 'GPU' ? [text(id)] : [])),
    ports: [...ports('PORTS', 'tcp'), ...ports('PORTS_UDP', 'udp')],
  };
}

/** Pure: what is left when these are taken; of ports, which are taken. */
export function remaining(total: Resources, taken: readonly Resources[]): Resources {
  const gpus = new Set(taken.flatMap((each) => each.gpus));
  return {
    cpu: taken.reduce((left, each) => left - each.cpu, total.cpu),
    memory: taken.reduce((left, each) => left - each.memory, total.memory),
    gpus: total.gpus.filter((id) => !gpus.has(id)),
    ports: [...total.ports, ...taken.flatMap((each) => each.ports)],
  };
}

/** As DescribeContainerInstances shows them; an instance with GPUs shows also that none is left. */
export function shownResources({ cpu, memory, gpus, ports }: Resources, hasGpus: boolean): Body[] {
  const integer = (name: string, integerValue: number): Body => ({ name, type: 'INTEGER', integerValue });
  const strings = (name: string, stringSetValue: readonly string[]): Body => ({
    name,
    type: 'STRINGSET',
    stringSetValue,
  });
  const of = (protocol: string): string[] =>
    ports.flatMap((port) => (port.endsWith(`/${protocol}`) ? [port.split('/')[0] ?? ''] : []));
  return [
    integer('CPU', cpu),
    integer('MEMORY', memory),
    strings('PORTS', of('tcp')),
    strings('PORTS_UDP', of('udp')),
    ...(hasGpus ? [strings('GPU', gpus)] : []),
  ];
}
