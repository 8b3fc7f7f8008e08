import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What ecs-init found of GPUs before it started the agent. */
export type Gpus = { readonly driverVersion: string; readonly ids: readonly string[] };

/** Fixed: it does not follow `ECS_DATADIR`. */
const FILE = 'var/lib/ecs/gpu/nvidia-gpu-info.json';

/**
 * Reads the agent's GPU file. A missing one is told, and means none.
 *
 * @throws Error when it is there and not readable, which is the agent's end
 */
export async function readGpus(root: string, log: (text: string) => void): Promise<Gpus | null> {
  let text: string;
  try {
    text = await readFile(join(root, FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    log(`GPU support is on, and there is no /${FILE}`);
    return null;
  }
  const { DriverVersion, GPUIDs } = JSON.parse(text) as { DriverVersion?: unknown; GPUIDs?: unknown };
  if (typeof DriverVersion !== 'string' || !Array.isArray(GPUIDs)) throw new Error(`/${FILE} is no GPU file`);
  return { driverVersion: DriverVersion, ids: GPUIDs.map(String) };
}
