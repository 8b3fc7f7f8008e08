import { join } from 'node:path';
import { execa } from 'execa';
import { projectFolder } from '../../io/paths.ts';

/** Hands the terminal to the lab's own command; its exit code is ours. */
async function runLab(action: 'up' | 'down' | 'status', json: boolean): Promise<number> {
  const result = await execa(
    process.execPath,
    [join(projectFolder(), 'lab', 'main.ts'), action, ...(json ? ['--json'] : [])],
    { stdio: 'inherit', reject: false },
  );
  return result.exitCode ?? 3;
}

export function up(argv: Record<string, unknown>): Promise<number> {
  return runLab('up', argv['json'] === true);
}
export function down(argv: Record<string, unknown>): Promise<number> {
  return runLab('down', argv['json'] === true);
}
export function status(argv: Record<string, unknown>): Promise<number> {
  return runLab('status', argv['json'] === true);
}
