import { readdir, stat } from 'node:fs/promises';
import { readText } from './files.ts';

type InstanceData = { readonly v1?: { readonly platform?: string; readonly public_ssh_keys?: readonly string[] } };

/** What cloud-init learned about this machine in this boot, or null when it did not run. */
export async function instanceData(): Promise<InstanceData | null> {
  const text =
    (await readText('/run/cloud-init/instance-data-sensitive.json')) ??
    (await readText('/run/cloud-init/instance-data.json'));
  return text === null ? null : (JSON.parse(text) as InstanceData);
}

const INSTANCES = '/var/lib/cloud/instances';

/** When this machine was first booted, or null when cloud-init did not see to that. */
export async function firstBootMs(): Promise<number | null> {
  const names = await readdir(INSTANCES).catch(() => []);
  const times = await Promise.all(names.map(async (name) => (await stat(`${INSTANCES}/${name}`)).birthtimeMs));
  return times.length === 0 ? null : Math.min(...times);
}
