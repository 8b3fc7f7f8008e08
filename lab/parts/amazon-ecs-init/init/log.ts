import { appendFileSync } from 'node:fs';
import { PATHS } from './paths.ts';

/** A line in ecs-init's form, for the journal and for ecs-init's own file. */
export function log(text: string, level: 'info' | 'warn' | 'error' = 'info'): void {
  const line = `level=${level} time=${new Date().toISOString().replace(/\.\d+/, '')} msg=${JSON.stringify(text)}`;
  console.log(line);
  try {
    appendFileSync(`${PATHS.logs}/ecs-init.log`, `${line}\n`);
  } catch {
    // Without its folder it logs to the journal alone.
  }
}
