import type { TargetConfig } from '#contracts/target-config.ts';

/**
 * What keeps a disk from filling up with images. The agent removes those that it pulled and that no container needs,
 * least recently used first; `prefer-cached` would switch that off. With `default` a tag that moved is pulled again,
 * and where the registry does not answer the image that is there is used. How much this leaves: docs/decisions/0165.
 */
export const IMAGE_CLEANUP = {
  ECS_IMAGE_PULL_BEHAVIOR: 'default',
  ECS_IMAGE_CLEANUP_INTERVAL: '10m',
  ECS_IMAGE_MINIMUM_CLEANUP_AGE: '30m',
  ECS_NUM_IMAGES_DELETE_PER_CYCLE: '20',
  // Until then a stopped task's container is there, with its image, its log and what it wrote.
  ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION: '30m',
} as const;

/**
 * Pure: the agent's settings that are the same for every host of an image. What differs (the cluster) comes with user
 * data in /etc/ecs/ecs.config and wins.
 */
export function agentDefaults(target: Pick<TargetConfig, 'nvidia'>): Readonly<Record<string, string>> {
  return {
    ECS_LOGLEVEL: 'info',
    // When Docker goes away the agent writes its log in a busy loop (measured: 4 MB/s); these bound its own files.
    ECS_LOG_ROLLOVER_TYPE: 'size',
    ECS_LOG_MAX_FILE_SIZE_MB: '20',
    ECS_LOG_MAX_ROLL_COUNT: '5',
    ECS_AVAILABLE_LOGGING_DRIVERS: '["json-file","journald","syslog","awslogs"]',
    ECS_ENABLE_TASK_IAM_ROLE: 'true',
    ECS_ENABLE_TASK_IAM_ROLE_NETWORK_HOST: 'true',
    // Tasks with an interface of their own do not pass through the host's packet filter.
    ECS_AWSVPC_BLOCK_IMDS: 'true',
    // ecs-init would announce what its volume plugin can do, which is off (docs/decisions/0166).
    ECS_VOLUME_PLUGIN_CAPABILITIES: '[]',
    ...IMAGE_CLEANUP,
    ...(target.nvidia === null ? {} : { ECS_ENABLE_GPU_SUPPORT: 'true', ECS_NVIDIA_RUNTIME: 'nvidia' }),
  };
}

/** Pure: a file that systemd (EnvironmentFile) and ecs-init read alike: no quotes around values, no spaces in them. */
export function renderEnvironmentFile(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => {
      if (!/^[A-Z][A-Z0-9_]*$/.test(name)) throw new RangeError(`${name} is not the name of an environment variable`);
      if (!/^[^\s'"\\#][^\s'\\]*$/.test(value))
        throw new RangeError(`the value of ${name} would not mean the same to every reader`);
      return `${name}=${value}\n`;
    })
    .join('');
}

/** Pure: a setting as ecs-init finds it: the later file wins, and in a file the later line. */
export function settingIn(files: readonly (string | null)[], name: string): string | null {
  const lines = files.flatMap((text) => (text ?? '').split('\n').map((line) => line.trim()));
  const found = lines.findLast((line) => line.startsWith(`${name}=`));
  return found === undefined ? null : found.slice(name.length + 1);
}
