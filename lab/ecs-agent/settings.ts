/** The environment that ecs.service gives the agent: /etc/ecs/ecs.config over the image's defaults. */
export type Settings = {
  readonly cluster: string;
  readonly dataFolder: string;
  /** The ECS API; null is AWS's own in the region of the instance. */
  readonly backend: string | null;
  readonly instanceAttributes: Readonly<Record<string, string>>;
  readonly reservedMemoryMiB: number;
  readonly loggingDrivers: readonly string[];
};

function json<T>(name: string, text: string | undefined, fallback: T): T {
  if (text === undefined || text === '') return fallback;
  try {
    return JSON.parse(text) as T;
  } catch {
    throw new SettingsError(`${name} is not JSON`);
  }
}

export class SettingsError extends Error {}

/** @throws SettingsError */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const reserved = Number(env['ECS_RESERVED_MEMORY'] ?? '0');
  if (!Number.isInteger(reserved) || reserved < 0)
    throw new SettingsError('ECS_RESERVED_MEMORY is not a number of MiB');
  const backend = env['ECS_BACKEND_HOST'] ?? '';
  return {
    cluster: env['ECS_CLUSTER'] || 'default',
    dataFolder: env['ECS_DATADIR'] || '/var/lib/ecs/data',
    backend: backend === '' ? null : backend.includes('://') ? backend : `https://${backend}`,
    instanceAttributes: json('ECS_INSTANCE_ATTRIBUTES', env['ECS_INSTANCE_ATTRIBUTES'], {}),
    reservedMemoryMiB: reserved,
    loggingDrivers: json('ECS_AVAILABLE_LOGGING_DRIVERS', env['ECS_AVAILABLE_LOGGING_DRIVERS'], ['json-file']),
  };
}
