import { parseDuration } from './durations.ts';
import type { AgentEnvironment } from './environment.ts';

export type ImageSettings = {
  readonly pullBehavior: 'default' | 'always' | 'once' | 'prefer-cached';
  /** Whether images are never removed. */
  readonly isKept: boolean;
  readonly intervalMs: number;
  readonly minimumAgeMs: number;
  readonly perCycle: number;
};

export type Settings = {
  readonly cluster: string;
  readonly dataFolder: string;
  /** The ECS API; null is AWS's own in the region of the instance. */
  readonly backend: string | null;
  readonly instanceAttributes: Readonly<Record<string, string>>;
  readonly reservedMemoryMiB: number;
  readonly loggingDrivers: readonly string[];
  /** What else is announced, because a volume plugin can do it. */
  readonly volumeCapabilities: readonly string[];
  readonly hasGpuSupport: boolean;
  /** What Docker calls the runtime of containers with a GPU. */
  readonly nvidiaRuntime: string;
  readonly stopTimeoutS: number;
  /** How long a task's containers are kept after it has stopped. */
  readonly cleanupWaitMs: number;
  readonly images: ImageSettings;
};

type Warn = (text: string) => void;

/** The real agent ends with 1 over these, and is tried again. */
export class SettingsError extends Error {}

function parse(text: string | undefined): unknown {
  try {
    return text === undefined || text === '' ? undefined : JSON.parse(text);
  } catch {
    return null;
  }
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

/** A list that cannot be read is a warning, and the default. */
function list(env: AgentEnvironment, name: string, fallback: readonly string[], warn: Warn): readonly string[] {
  const value = parse(env[name]);
  if (value === undefined) return fallback;
  if (isStrings(value)) return value;
  warn(`Invalid format for ${name}, expected a JSON list of strings`);
  return fallback;
}

/** @throws SettingsError */
function attributes(env: AgentEnvironment): Readonly<Record<string, string>> {
  const value = parse(env['ECS_INSTANCE_ATTRIBUTES']);
  if (value === undefined) return {};
  if (typeof value === 'object' && value !== null && isStrings(Object.values(value)) && !Array.isArray(value))
    return value as Record<string, string>;
  throw new SettingsError('Invalid format for ECS_INSTANCE_ATTRIBUTES, expected a JSON hash of strings');
}

function reservedMemory(env: AgentEnvironment, warn: Warn): number {
  const text = env['ECS_RESERVED_MEMORY'] ?? '';
  if (text === '') return 0;
  if (/^\d{1,5}$/.test(text) && Number(text) < 2 ** 16) return Number(text);
  warn('Invalid format for ECS_RESERVED_MEMORY, expected an unsigned integer of 16 bits');
  return 0;
}

/** Less than the least is the default, as is what cannot be read. */
function duration(env: AgentEnvironment, name: string, of: { usual: string; least: string }, warn: Warn): number {
  const text = env[name] ?? '';
  const usual = parseDuration(of.usual) ?? 0;
  if (text === '') return usual;
  const value = parseDuration(text);
  if (value !== null && value >= (parseDuration(of.least) ?? 0)) return value;
  warn(`Invalid value for ${name}, using ${of.usual}`);
  return usual;
}

const PULL_BEHAVIORS = ['default', 'always', 'once', 'prefer-cached'] as const;

function imageSettings(env: AgentEnvironment, warn: Warn): ImageSettings {
  const asked = env['ECS_IMAGE_PULL_BEHAVIOR'] ?? 'default';
  const pullBehavior = PULL_BEHAVIORS.find((each) => each === asked) ?? 'default';
  const perCycle = Number(env['ECS_NUM_IMAGES_DELETE_PER_CYCLE'] ?? '5');
  return {
    pullBehavior,
    isKept: pullBehavior === 'prefer-cached' || env['ECS_DISABLE_IMAGE_CLEANUP'] === 'true',
    intervalMs: duration(env, 'ECS_IMAGE_CLEANUP_INTERVAL', { usual: '30m', least: '10m' }, warn),
    minimumAgeMs: duration(env, 'ECS_IMAGE_MINIMUM_CLEANUP_AGE', { usual: '1h', least: '1m' }, warn),
    perCycle: Number.isInteger(perCycle) && perCycle > 0 ? perCycle : 5,
  };
}

/**
 * What the real agent (1.105.1) makes of its environment: of what it cannot read, only attributes are more than a
 * warning.
 *
 * @throws SettingsError
 */
export function readSettings(env: AgentEnvironment, warn: Warn): Settings {
  const backend = env['ECS_BACKEND_HOST'] ?? '';
  return {
    cluster: env['ECS_CLUSTER'] || 'default',
    dataFolder: env['ECS_DATADIR'] || '/var/lib/ecs/data',
    backend: backend === '' ? null : backend.includes('://') ? backend : `https://${backend}`,
    instanceAttributes: attributes(env),
    reservedMemoryMiB: reservedMemory(env, warn),
    loggingDrivers: list(env, 'ECS_AVAILABLE_LOGGING_DRIVERS', ['json-file', 'none'], warn),
    volumeCapabilities: list(env, 'ECS_VOLUME_PLUGIN_CAPABILITIES', [], warn),
    hasGpuSupport: env['ECS_ENABLE_GPU_SUPPORT'] === 'true',
    nvidiaRuntime: env['ECS_NVIDIA_RUNTIME'] || 'nvidia',
    stopTimeoutS: duration(env, 'ECS_CONTAINER_STOP_TIMEOUT', { usual: '30s', least: '1s' }, warn) / 1000,
    cleanupWaitMs: duration(env, 'ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION', { usual: '3h', least: '1s' }, warn),
    images: imageSettings(env, warn),
  };
}
