import { isDeepStrictEqual } from 'node:util';
import { reasonOf } from '#contracts/reason.ts';
import type { TargetConfig } from '#contracts/target-config.ts';

export const DOCKER_CONFIG = '/etc/docker/daemon.json';

export type DaemonConfig = Readonly<Record<string, unknown>>;

function asList(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/**
 * Pure: daemon.json with what this project decides put into what is there. Keys of others (a runtime that the NVIDIA
 * toolkit added) stay.
 *
 * - Logs: bounded, because Docker's default is not and a chatty container would fill the disk.
 * - Build cache: bounded, because the default is a share of the disk that images need. As a policy in the old spelling,
 *   which Docker 20.10 and all later ones read alike; newer Dockers take a bare default for what is kept at least.
 * - live-restore: off. With it containers outlive a stopped Docker, and so the gate that was shut with it.
 * - No seccomp-profile: Docker's own default profile applies, which a later Docker improves by itself.
 */
export function mergeDaemonConfig(current: DaemonConfig, docker: TargetConfig['docker']): DaemonConfig {
  const { 'seccomp-profile': _dropped, ...kept } = current;
  const registries = [...new Set([...asList(current['insecure-registries']), ...docker.insecureRegistries])];
  return {
    ...kept,
    'log-driver': 'json-file',
    'log-opts': { 'max-size': '50m', 'max-file': '3' },
    builder: { gc: { enabled: true, policy: [{ keepStorage: '4GB', all: true }] } },
    'live-restore': false,
    ...(registries.length > 0 ? { 'insecure-registries': registries } : {}),
  };
}

/**
 * @throws Error when the file is not a JSON object: overwriting what somebody wrote by hand would hide their
 * mistake
 */
export function parseDaemonConfig(text: string | null): DaemonConfig {
  if (text === null || text.trim() === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`${DOCKER_CONFIG} is not JSON: ${reasonOf(error)}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`${DOCKER_CONFIG} is not a JSON object`);
  return value as DaemonConfig;
}

export function renderDaemonConfig(config: DaemonConfig): string {
  return `${JSON.stringify(config, null, 2)}\n`;
}

/**
 * Pure: whether everything that this project decides is in the file as it is, in whatever order: NVIDIA's toolkit
 * writes the file anew, with the keys of every object sorted.
 */
export function isDaemonConfigComplete(current: DaemonConfig, docker: TargetConfig['docker']): boolean {
  const wanted = mergeDaemonConfig(current, docker);
  const keys = new Set([...Object.keys(wanted), ...Object.keys(current)]);
  return [...keys].every((key) => isDeepStrictEqual(wanted[key], current[key]));
}

export type DockerPackages = {
  readonly main: string;
  readonly install: readonly string[];
  readonly remove: readonly string[];
};

const ANCIENT = ['docker', 'docker-engine', 'lxc-docker', 'podman-docker'];
const DISTRIBUTION = ['docker.io', 'docker-doc', 'docker-compose', 'containerd', 'runc'];
const DOCKER_CE = [
  'docker-ce',
  'docker-ce-cli',
  'containerd.io',
  'docker-buildx-plugin',
  'docker-compose-plugin',
  'docker-ce-rootless-extras',
];

/** Pure: what to install, and what must go first because it would be a second Docker. */
export function dockerPackages(source: TargetConfig['docker']['source']): DockerPackages {
  return source === 'docker-ce'
    ? {
        main: 'docker-ce',
        install: ['docker-ce', 'docker-ce-cli', 'containerd.io', 'docker-buildx-plugin'],
        remove: [...ANCIENT, ...DISTRIBUTION],
      }
    : { main: 'docker.io', install: ['docker.io'], remove: [...ANCIENT, ...DOCKER_CE] };
}

/** Pure: the line for Docker's own apt repository. */
export function dockerSourceLine(os: TargetConfig['os'], keyFile: string): string {
  return `deb [arch=amd64 signed-by=${keyFile}] https://download.docker.com/linux/${os.distribution} ${os.codename} stable\n`;
}
