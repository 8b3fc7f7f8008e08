import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { besidePath } from '../image/beside.ts';
import { userError } from '../io/errors.ts';
import { parseObject } from '../io/shape.ts';
import { type Inventory, inventoryProblem } from './inventory.ts';

export function sha256Of(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The text of a file, or null when there is none. */
export async function textIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** The inventory that a text is, or why it is none. */
export function parseStored(text: string, imageId: string): Inventory | string {
  const value = parseObject(text);
  if (typeof value === 'string') return value;
  if (value['imageId'] !== imageId) return `it is about ${String(value['imageId'])}`;
  return inventoryProblem(value) ?? (value as unknown as Inventory);
}

/** @returns null when there is none. @throws EcsHostError (user) `INVENTORY_UNREADABLE` for a file that is none */
export async function readStored(imageId: string): Promise<Inventory | null> {
  const path = besidePath(imageId, 'inventory');
  const text = await textIfThere(path);
  if (text === null) return null;
  const inventory = parseStored(text, imageId);
  if (typeof inventory !== 'string') return inventory;
  throw userError(
    'INVENTORY_UNREADABLE',
    `The inventory ${path} cannot be used: ${inventory}.`,
    `move it away; \`ecs-host smoke ${imageId}\` reads it again`,
  );
}

/** @throws EcsHostError (user) `INVENTORY_MISSING`, `INVENTORY_UNREADABLE` */
export async function requireStored(imageId: string): Promise<Inventory> {
  const inventory = await readStored(imageId);
  if (inventory !== null) return inventory;
  throw userError(
    'INVENTORY_MISSING',
    `What is on ${imageId} is not known here: no smoke test of it has read that.`,
    `\`ecs-host smoke ${imageId}\` does`,
  );
}
