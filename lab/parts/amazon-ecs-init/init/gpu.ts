import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { hasGpuDevices } from './host.ts';
import { log } from './log.ts';
import { PATHS } from './paths.ts';

/** The names are those of ecs-init's file, which the agent reads. */
export type GpuInfo = { readonly DriverVersion: string; readonly GPUIDs: readonly string[] };

/**
 * Pure: from `nvidia-smi --query-gpu=driver_version,uuid --format=csv,noheader`, a line for each GPU. One that does not
 * say who it is is passed over, as ecs-init does.
 *
 * @throws Error when none is left
 */
export function parseGpuInfo(text: string): GpuInfo {
  const rows = text
    .trim()
    .split('\n')
    .map((line) => line.split(',').map((field) => field.trim()));
  const good = rows.filter(([version = '', uuid = '']) => /^[\d.]+$/.test(version) && /^GPU-/.test(uuid));
  if (good.length === 0) throw new Error(`error initializing GPU devices: ${text.trim()}`);
  return { DriverVersion: good[0]?.[0] ?? '', GPUIDs: good.map(([, uuid = '']) => uuid) };
}

/**
 * Writes which GPUs the host has for the agent, who has none in its container. Without a device nothing is done.
 *
 * @throws Error when there are devices and the driver does not answer
 */
export async function setUpGpus(): Promise<void> {
  if (!hasGpuDevices()) return;
  const { stdout } = await promisify(execFile)('nvidia-smi', [
    '--query-gpu=driver_version,uuid',
    '--format=csv,noheader',
  ]);
  const info = parseGpuInfo(stdout);
  mkdirSync(PATHS.gpu, { recursive: true, mode: 0o700 });
  writeFileSync(PATHS.gpuInfo, JSON.stringify(info), { mode: 0o700 });
  log(`${info.GPUIDs.length} GPU, driver ${info.DriverVersion}`);
}
