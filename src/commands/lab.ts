import { join } from 'node:path';
import { execa } from 'execa';
import { projectFolder } from '../io/paths.ts';

/** Hands the terminal to the lab's own command; its exit code is ours. */
const runLab = async (action: 'up' | 'down' | 'status', json: boolean): Promise<number> => {
  const result = await execa(
    process.execPath,
    [join(projectFolder(), 'lab', 'main.ts'), action, ...(json ? ['--json'] : [])],
    { stdio: 'inherit', reject: false },
  );
  return result.exitCode ?? 3;
};

export const up = (argv: Record<string, unknown>): Promise<number> => runLab('up', argv['json'] === true);
export const down = (argv: Record<string, unknown>): Promise<number> => runLab('down', argv['json'] === true);
export const status = (argv: Record<string, unknown>): Promise<number> => runLab('status', argv['json'] === true);
