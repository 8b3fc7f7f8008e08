import type { TargetConfig } from '#contracts/target-config.ts';

/**
 * Pure: the agent's settings that are the same for every host of an image. What differs (the cluster) comes with user
 * data in /etc/ecs/ecs.config and wins.
 *
 * The real agent runs in a container that ecs-init starts with a data folder and log file of its own choosing; only the
 * lab's stand-in, which runs on the host, has to be told where its data is.
 */
export function agentDefaults(target: Pick<TargetConfig, 'ecsAgent' | 'nvidia'>): Readonly<Record<string, string>> {
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
    ECS_IMAGE_PULL_BEHAVIOR: 'prefer-cached',
    ...(target.ecsAgent.source === 'lab-stand-in' ? { ECS_DATADIR: '/var/lib/ecs/data' } : {}),
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
