import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseConfig } from '../../src/config/load.ts';
import { EcsHostError } from '../../src/io/errors.ts';
import { projectFolder } from '../../src/io/paths.ts';

/** The hosts.yaml that the project ships: tests change a part of it. */
export const shipped = await readFile(join(projectFolder(), 'hosts.yaml'), 'utf8');

export function changed(from: string | RegExp, to: string, text = shipped): string {
  const after = text.replace(from, () => to);
  if (after === text) throw new Error(`${from} is not in hosts.yaml`);
  return after;
}

/** The error that a text is refused with. */
export function failure(text: string): EcsHostError {
  try {
    parseConfig(text, 'hosts.yaml');
  } catch (error) {
    if (error instanceof EcsHostError) return error;
    throw error;
  }
  throw new Error('the configuration was accepted');
}
