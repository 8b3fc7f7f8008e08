import type { Inventory } from '../inventory/inventory.ts';
import type { Audited } from './audited.ts';
import type { Differences } from './compare-facts.ts';
import { modeText } from './finding.ts';

/**
 * Pure: what a booted instance says of its configuration that its disk has otherwise. Files that a boot writes are not
 * in an inventory.
 */
export function bootedDifferences(inventory: Inventory, { entries }: Audited): Differences {
  // The disk's names have a backslash as two.
  const at = (path: string): string => path.replaceAll('\\', '\\\\');
  const files = inventory.files.flatMap(({ path, mode, sha256 }) => {
    const entry = entries.get(at(path));
    if (entry === undefined) return [`${path} is not on the disk`];
    if (entry.sha256 !== sha256) return [`${path} has another content`];
    return modeText(entry.mode) === mode.padStart(4, '0') ? [] : [`${path} has another mode`];
  });
  const links = inventory.links.flatMap(({ path, to }) =>
    entries.get(at(path))?.target === at(to) ? [] : [`${path} leads elsewhere`],
  );
  return [...files, ...links];
}
