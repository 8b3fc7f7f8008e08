import { readdir } from 'node:fs/promises';
import { readText } from './files.ts';

const DEVICES = '/sys/bus/pci/devices';

/** PCI device ids of NVIDIA's GPUs (vendor 10de, class "display controller") in this machine. */
export async function nvidiaDevices(folder = DEVICES): Promise<readonly number[]> {
  const found: number[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    const read = async (what: string): Promise<number> =>
      Number((await readText(`${folder}/${name}/${what}`))?.trim() ?? Number.NaN);
    if ((await read('vendor')) === 0x10de && (await read('class')) >> 16 === 0x03) found.push(await read('device'));
  }
  return found;
}
