import { posix } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { CONTROL_PORT } from '#contracts/control-port.ts';
import type { ProvisionedEntry } from '#contracts/provisioned.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import type { Listening, Settings, Socket } from './booted-facts.ts';

/** Empty for what is as it should be; else a line for each thing that is not. */
export type Differences = readonly string[];

/** Settings of sshd that a person would have to have changed: an image takes the base image's. */
export function sshdDifferences(image: Settings, base: Settings): Differences {
  const added = image.sshd.filter((line) => !base.sshd.includes(line));
  const gone = base.sshd.filter((line) => !image.sshd.includes(line));
  return [...added.map((line) => `now ${line}`), ...gone.map((line) => `no more ${line}`)];
}

const LOOPBACK = /^(127\.|::1$)/;
/** The ECS agent's: introspection, credentials, and its own. */
const AGENT_PORTS = [51678, 51679, 51680];

/** Who may listen although nobody does on the base image. */
function isExpected(socket: Socket, plan: BuildPlan, ownTunnel: number, isOpen: boolean): boolean {
  const { protocol, port, programs, address } = socket;
  const { discoveryTcp, streamTcp, streamUdp } = plan.developerWorkload.ports;
  const isOfContainer = programs.length > 0 && programs.every((name) => name === 'docker-proxy');
  const ports = protocol === 'udp' ? [streamUdp] : [discoveryTcp, streamTcp];
  if (port === CONTROL_PORT && protocol === 'tcp') return true;
  // The smoke test's own way for the host to its webserver.
  if (port === ownTunnel && LOOPBACK.test(address))
    return programs.length > 0 && programs.every((name) => /^sshd(-session)?$/.test(name));
  if (!isOpen) return false;
  // Its server for streams of Kubernetes, at a port of its own choice, where nobody but this machine gets.
  if (LOOPBACK.test(address) && programs.length > 0 && programs.every((name) => name === 'containerd')) return true;
  return (isOfContainer && ports.includes(port)) || AGENT_PORTS.includes(port);
}

/** Sockets that nobody listens at on the base image, and that are not the plan's. */
export function socketDifferences(
  image: Listening,
  base: Listening,
  { plan, ownTunnel, isOpen }: { readonly plan: BuildPlan; readonly ownTunnel: number; readonly isOpen: boolean },
): Differences {
  const isOfBase = ({ protocol, port, address, programs }: Socket): boolean =>
    base.sockets.some(
      (other) =>
        other.protocol === protocol &&
        other.port === port &&
        programs.every((name) => other.programs.includes(name)) &&
        (LOOPBACK.test(address) || !LOOPBACK.test(other.address)),
    );
  return image.sockets
    .filter((socket) => !isOfBase(socket) && !isExpected(socket, plan, ownTunnel, isOpen))
    .map(
      ({ protocol, address, port, programs }) =>
        `${protocol} ${address}:${port} (${programs.join(', ') || 'the kernel'})`,
    );
}

/** Timers that the provisioner base takes from the boot. */
const DISABLED = ['apt-daily.timer', 'apt-daily-upgrade.timer', 'unattended-upgrades.service'];

/** Units that somebody else than base image and plan enables, and those that no longer are. */
export function unitDifferences(
  image: Settings,
  base: Settings,
  provisioned: readonly ProvisionedEntry[],
): Differences {
  const put = provisioned.flatMap(({ path, kind }) =>
    kind === 'link' && /\.(wants|requires)\//.test(path) ? [posix.basename(path)] : [],
  );
  const masked = provisioned.flatMap(({ path, target }) => (target === '/dev/null' ? [posix.basename(path)] : []));
  const added = image.enabled.filter((unit) => !base.enabled.includes(unit) && !put.includes(unit));
  const gone = base.enabled.filter(
    (unit) => !image.enabled.includes(unit) && !DISABLED.includes(unit) && !masked.includes(unit),
  );
  return [...added.map((unit) => `${unit} is enabled`), ...gone.map((unit) => `${unit} is not enabled any more`)];
}

/** The kernel's command line and what shells and services get in their environment are the base image's. */
export function environmentDifferences(image: Settings, base: Settings): Differences {
  const added = image.environment
    .filter((line) => !base.environment.includes(line))
    .map((line) => line.replace(/=.*/, ''));
  const isSameKernel = image.commandLine === base.commandLine;
  return [
    ...added.map((name) => `variable ${name}`),
    ...(isSameKernel ? [] : [`kernel command line ${image.commandLine}`]),
  ];
}

type Info = {
  readonly DefaultRuntime?: string;
  readonly Runtimes?: Readonly<Record<string, unknown>>;
  readonly LiveRestoreEnabled?: boolean;
  readonly SecurityOptions?: readonly string[];
  readonly Swarm?: { readonly LocalNodeState?: string };
  readonly RegistryConfig?: {
    readonly InsecureRegistryCIDRs?: readonly string[];
    readonly IndexConfigs?: Readonly<Record<string, { readonly Secure?: boolean }>>;
    readonly Mirrors?: readonly string[] | null;
  };
};

/** Docker itself counts the loopback among those that may be insecure. */
const OWN_INSECURE = ['127.0.0.0/8', '::1/128'];

/** All else is in its file of settings, or nobody's. */
const ARGUMENTS = /^(|-H|(-H=|--host=)?(fd:\/\/|unix:\/\/\S+)|--containerd=\/run\/containerd\/containerd\.sock)$/;

/** What Docker says that it does, against what the plan has of it. */
export function dockerDifferences({ docker }: Listening, { target, gpu }: BuildPlan): Differences {
  if (docker === null) return ['Docker is not up'];
  const info = docker.info as Info;
  const { InsecureRegistryCIDRs = [], IndexConfigs = {}, Mirrors = [] } = info.RegistryConfig ?? {};
  const insecure = Object.keys(IndexConfigs).filter((name) => IndexConfigs[name]?.Secure === false);
  const runtimes = Object.keys(info.Runtimes ?? {}).filter(
    (name) => !/^(runc|io\.containerd\.runc\.v2|io\.containerd\.runtime\.v1\.linux)$/.test(name),
  );
  const more = docker.arguments
    .split(' ')
    .slice(1)
    .filter((each) => !ARGUMENTS.test(each));
  const expected: readonly (readonly [string, unknown, unknown])[] = [
    ['default runtime', info.DefaultRuntime, 'runc'],
    ['runtimes', runtimes.sort(), gpu ? ['nvidia'] : []],
    ['live restore', info.LiveRestoreEnabled, false],
    ['insecure registries', insecure.sort(), [...target.docker.insecureRegistries].sort()],
    ['insecure networks', InsecureRegistryCIDRs.filter((each) => !OWN_INSECURE.includes(each)), []],
    ['mirrors', Mirrors ?? [], []],
    ['swarm', info.Swarm?.LocalNodeState ?? 'inactive', 'inactive'],
    ['arguments', more, []],
    ['user namespaces', (info.SecurityOptions ?? []).some((option) => option.includes('userns')), false],
    [
      'seccomp',
      (info.SecurityOptions ?? []).some((option) => option.includes('seccomp') && !option.includes('unconfined')),
      true,
    ],
  ];
  return expected
    .filter(([, found, wanted]) => !isDeepStrictEqual(found, wanted))
    .map(([name, found, wanted]) => `${name} ${JSON.stringify(found)} for ${JSON.stringify(wanted)}`);
}
