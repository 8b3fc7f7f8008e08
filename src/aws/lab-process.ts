import { join } from 'node:path';
import { execa } from 'execa';
import { outsideError } from '../io/errors.ts';
import { projectFolder } from '../io/paths.ts';

export type LabAnswer = { readonly endpoint: string };

/**
 * Starts the lab unless one is up, and returns its endpoint. The lab is an outside program to this one: the only things that pass
 * are this command line and the endpoint URL.
 *
 * @param ownerPid the lab stops by itself when that process is gone; null leaves it running until `ecs-host lab down`
 * @throws EcsHostError `LAB_FAILED` (outside) with the lab's own output
 */
export const startLab = async (options: {
  ownerPid: number | null;
  onLine: (line: string) => void;
  signal: AbortSignal;
}): Promise<LabAnswer> => {
  const owner = options.ownerPid === null ? [] : ['--owner-pid', String(options.ownerPid)];
  const child = execa(process.execPath, [join(projectFolder(), 'lab', 'main.ts'), 'up', '--json', ...owner], {
    cancelSignal: options.signal,
    reject: false,
    stdin: 'ignore',
  });
  const lines = async (): Promise<void> => {
    for await (const line of child.iterable({ from: 'stderr' })) options.onLine(line);
  };
  const [result] = await Promise.all([child, lines()]);
  if (result.exitCode !== 0) {
    options.signal.throwIfAborted();
    throw outsideError(
      'LAB_FAILED',
      'The lab (the embedded EC2) did not start.',
      'run `ecs-host doctor`, then `ecs-host lab down` and try again',
      `${result.stderr}\n${result.stdout}`,
    );
  }
  return JSON.parse(result.stdout) as LabAnswer;
};
