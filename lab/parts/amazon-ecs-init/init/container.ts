import { dirname } from 'node:path';
import { IMAGE, PATHS } from './paths.ts';

export type Variables = Readonly<Record<string, string>>;

/** What decides how the agent's container is made, read of the host. */
export type HostFacts = {
  /** Of /var/lib/ecs/ecs.config and, over it, /etc/ecs/ecs.config. */
  readonly files: Variables;
  /** Of the process, as systemd made it. */
  readonly process: Readonly<Record<string, string | undefined>>;
  /** `ubuntu_20.04`. */
  readonly osFamily: string;
  readonly hasGpu: boolean;
  readonly exists: (path: string) => boolean;
};

const UNIX = 'unix://';
const VALID_LOG_DRIVERS = ['awslogs', 'fluentd', 'gelf', 'json-file', 'journald', 'logentries', 'syslog', 'splunk'];
const PLUGINS = ['/run/docker/plugins', '/etc/docker/plugins', '/usr/lib/docker/plugins'];
const RESULT_OF_CLOUD_INIT = '/var/lib/cloud/data/result.json';
const CREDENTIALS_FETCHER = '/var/credentials-fetcher/socket/credentials_fetcher.sock';
const MANAGED_AGENTS = '/var/lib/ecs/deps';
const EXEC = `${MANAGED_AGENTS}/execute-command/config`;

/** Pure: the agent's environment: ecs-init's defaults, those of the platform, and the two files last. */
export function environmentOf({ files, process, osFamily, exists }: HostFacts): Variables {
  return {
    ECS_LOGFILE: '/log/ecs-agent.log',
    ECS_DATADIR: '/data',
    ECS_AGENT_CONFIG_FILE_PATH: `${PATHS.config}/ecs.config.json`,
    ECS_UPDATE_DOWNLOAD_DIR: PATHS.cache,
    ECS_UPDATES_ENABLED: 'true',
    ECS_AVAILABLE_LOGGING_DRIVERS: '["json-file","syslog","awslogs","fluentd","none"]',
    ECS_ENABLE_TASK_IAM_ROLE: 'true',
    ECS_ENABLE_TASK_IAM_ROLE_NETWORK_HOST: 'true',
    ECS_AGENT_LABELS: '',
    ECS_VOLUME_PLUGIN_CAPABILITIES: '["efsAuth"]',
    ECS_DETAILED_OS_FAMILY: osFamily,
    ...(exists('/etc/ssl/certs') ? { SSL_CERT_DIR: '/etc/ssl/certs' } : {}),
    CREDENTIALS_FETCHER_HOST_DIR: unixSocket(process['CREDENTIALS_FETCHER_HOST']) ?? CREDENTIALS_FETCHER,
    ECS_ENABLE_TASK_ENI: 'true',
    ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE: 'true',
    ...files,
    ECS_EBSTA_SUPPORTED: exists(PATHS.ebs) ? (files['ECS_EBSTA_SUPPORTED'] ?? 'true') : 'false',
  };
}

function unixSocket(host: string | undefined): string | null {
  return host?.startsWith(UNIX) ? host.slice(UNIX.length) : null;
}

/** Pure: whole /var/run, so that a socket which Docker makes anew is seen; or what `DOCKER_HOST` names. */
function socketBind({ files, process }: HostFacts): string {
  const source = unixSocket(process['DOCKER_HOST']);
  if (source === null) return '/var/run:/var/run';
  return `${source}:${unixSocket(files['DOCKER_HOST']) ?? '/var/run/docker.sock'}`;
}

/** Pure: folders of the host in the agent's container, in ecs-init's order. */
export function bindsOf(facts: HostFacts): readonly string[] {
  const { files, exists } = facts;
  const readOnly = (path: string, inside = path): string => `${path}:${inside}:ro`;
  const same = (path: string): string => `${path}:${path}`;
  const modinfo = ['/sbin/modinfo', '/usr/sbin/modinfo'].find(exists);
  return [
    socketBind(facts),
    `${PATHS.logs}:/log`,
    `${PATHS.data}:/data`,
    same(PATHS.config),
    same(PATHS.cache),
    same('/sys/fs/cgroup'),
    same(PATHS.instance),
    `${PATHS.logs}/exec:/log/exec`,
    ...(exists('/etc/ssl') ? [readOnly('/etc/ssl')] : []),
    ...(files['ECS_ENABLE_GPU_SUPPORT'] === 'true' && facts.hasGpu ? [same(PATHS.gpu)] : []),
    ...PLUGINS.map((path) => readOnly(path)),
    ...(exists(MANAGED_AGENTS) ? [readOnly(MANAGED_AGENTS, '/managed-agents')] : []),
    ...(exists(dirname(EXEC)) ? [`${EXEC}:/managed-agents/execute-command/config`] : []),
    readOnly('/proc', '/host/proc'),
    ...['/usr/lib', '/lib', '/usr/lib64', '/lib64'].map((path) => readOnly(path)),
    readOnly('/sbin', '/host/sbin'),
    readOnly('/etc/alternatives'),
    readOnly('/usr/sbin'),
    same('/usr/bin/lsblk'),
    ...(exists('/usr/bin/nsenter') ? [same('/usr/bin/nsenter')] : []),
    ...(modinfo === undefined ? [] : [same(modinfo)]),
    ...(exists(RESULT_OF_CLOUD_INIT) ? [readOnly(RESULT_OF_CLOUD_INIT)] : []),
  ];
}

function parseObject(text: string | undefined): Variables | null {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return typeof value === 'object' && value !== null && Object.keys(value).length > 0 ? (value as Variables) : null;
  } catch {
    return null;
  }
}

/** Pure: where the agent's own output goes. An unknown driver is json-file, and its options are dropped. */
export function logConfigOf(process: HostFacts['process']): { readonly Type: string; readonly Config: Variables } {
  const wanted = process['ECS_LOG_DRIVER'] || 'json-file';
  const isValid = VALID_LOG_DRIVERS.includes(wanted);
  const options = isValid ? parseObject(process['ECS_LOG_OPTS']) : null;
  const bounds = {
    'max-size': process['ECS_INIT_DOCKER_LOG_FILE_SIZE'] || '16m',
    'max-file': process['ECS_INIT_DOCKER_LOG_FILE_NUM'] || '4',
  };
  const Type = isValid ? wanted : 'json-file';
  return { Type, Config: options ?? (Type === 'json-file' ? bounds : {}) };
}

/** Go's strconv.ParseBool, as far as it says yes. */
export function isTrue(value: string | undefined): boolean {
  return ['1', 't', 'T', 'TRUE', 'true', 'True'].includes(value ?? '');
}

/** Pure: what ecs-init asks Docker to make. The agent's own container has no GPU: it reads a file about them. */
export function containerOf(facts: HostFacts): Readonly<Record<string, unknown>> {
  const environment = environmentOf(facts);
  const labels = parseObject(environment['ECS_AGENT_LABELS']);
  return {
    Image: IMAGE,
    Env: Object.entries(environment)
      .map(([name, value]) => `${name}=${value}`)
      .sort(),
    ...(labels === null ? {} : { Labels: labels }),
    HostConfig: {
      LogConfig: logConfigOf(facts.process),
      Binds: bindsOf(facts),
      NetworkMode: 'host',
      UsernsMode: 'host',
      CapAdd: ['NET_ADMIN', 'SYS_ADMIN'],
      Init: true,
      ...(facts.process['ECS_AGENT_RUN_PRIVILEGED'] === 'true' ? { Privileged: true } : {}),
      ...(isTrue(facts.process['ECS_AGENT_PID_NAMESPACE_HOST']) ? { PidMode: 'host' } : {}),
    },
  };
}
