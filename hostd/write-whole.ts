import { renameSync, writeFileSync } from 'node:fs';

/**
 * Readers see the old text or the new one, whenever this process ends; synchronous, so that what follows finds it done.
 * For the service's own folders.
 */
export function writeWhole(path: string, text: string, mode: number): void {
  writeFileSync(`${path}.partial`, text, { mode });
  renameSync(`${path}.partial`, path);
}
