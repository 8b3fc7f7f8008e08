import { readFile } from 'node:fs/promises';
import type { TargetConfig } from '#contracts/target-config.ts';

export async function readTarget(path: string): Promise<TargetConfig> {
  const target = JSON.parse(await readFile(path, 'utf8')) as TargetConfig;
  if (target.version !== 1) throw new Error(`${path} has version ${target.version}; this provisioner reads version 1`);
  return target;
}
