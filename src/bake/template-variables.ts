import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { userError } from '../io/errors.ts';

/** The template in a render folder: the one file that ends with .pkr.json. */
export async function findTemplate(renderDir: string): Promise<string> {
  const names = (await readdir(renderDir)).filter((name) => name.endsWith('.pkr.json'));
  const [name] = names;
  if (name === undefined || names.length > 1) {
    throw userError(
      'TEMPLATE_MISSING',
      `${renderDir} holds ${names.length} Packer templates; exactly one was expected.`,
      'write it with `ecs-host render`',
    );
  }
  return join(renderDir, name);
}

/**
 * What changes from run to run is not in the template but in its variables. A value is passed only if the template
 * declares the variable: packer refuses others.
 */
export function variableArguments(template: unknown, values: Readonly<Record<string, string>>): string[] {
  const declared = (template as { variable?: Record<string, unknown> }).variable ?? {};
  return Object.entries(values).flatMap(([name, value]) => (name in declared ? ['-var', `${name}=${value}`] : []));
}

export async function readTemplate(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, 'utf8'));
}
