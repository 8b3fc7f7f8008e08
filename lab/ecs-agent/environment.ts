import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export type AgentEnvironment = Readonly<Record<string, string | undefined>>;

/** The image's defaults first, the user's file last: the later one wins. */
const FILES = ['var/lib/ecs/ecs.config', 'etc/ecs/ecs.config'];

/**
 * What ecs-init gives the agent's container that this stand-in reads. The real ones name paths inside of the container;
 * here they are those on the host which are mounted there.
 */
const OF_ECS_INIT: AgentEnvironment = {
  ECS_DATADIR: '/var/lib/ecs/data',
  ECS_AVAILABLE_LOGGING_DRIVERS: '["json-file","syslog","awslogs","fluentd","none"]',
  ECS_VOLUME_PLUGIN_CAPABILITIES: '["efsAuth"]',
};

/**
 * Pure: one file as ecs-init reads it. A value is what stands behind the first `=` up to the end of the line: nothing
 * is unquoted, no character escapes another. A line without `=` is passed over; one that begins with `#` is not.
 */
export function parseEnvironmentFile(text: string): AgentEnvironment {
  const variables: Record<string, string> = {};
  for (const line of text.trim().split('\n')) {
    const at = line.trim().indexOf('=');
    if (at !== -1) variables[line.trim().slice(0, at)] = line.trim().slice(at + 1);
  }
  return variables;
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/**
 * The agent's environment: of the process's own (which is what systemd read of the same files, its way) nothing reaches
 * the agent.
 */
export function agentEnvironment(root = '/'): AgentEnvironment {
  return Object.assign({}, OF_ECS_INIT, ...FILES.map((file) => parseEnvironmentFile(readOrNothing(join(root, file)))));
}
