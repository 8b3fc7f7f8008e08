import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { EcsHostError, outsideError } from '../io/errors.ts';
import { projectFolder } from '../io/paths.ts';
import { poll } from '../io/wait-until.ts';

export type Lab = {
  readonly endpoint: string;
  /** Tells the lab that this command is done; when it was started for it, waits until nothing of it is left. */
  leave(): Promise<void>;
};

type UpAnswer = { readonly endpoint: string; readonly pid: number };

const DOWN_LIMIT_MS = 60_000;

async function leave({ endpoint, pid }: UpAnswer): Promise<void> {
  try {
    const answer = await fetch(`${endpoint}/_lab/owners`, {
      method: 'DELETE',
      body: JSON.stringify({ pid: process.pid }),
      signal: AbortSignal.timeout(10_000),
    });
    // It may stay: for another command, or until `lab down`.
    if (!((await answer.json()) as { isGoingDown: boolean }).isGoingDown) return;
  } catch {
    // It is gone already, or on its way.
  }
  await poll(() => (existsSync(`/proc/${pid}`) ? null : true), { timeoutMs: DOWN_LIMIT_MS, intervalMs: 50 });
}

/**
 * Starts the lab unless one is up, as this process's own: it goes down with it. The lab is an outside program to this one. What passes is
 * this command line with its answer, the endpoint URL, and the `/_lab/` calls of this folder: owners, and the identity certificate.
 *
 * @throws EcsHostError `LAB_FAILED` (outside) with the lab's own output
 */
export async function startLab(options: { onLine: (line: string) => void; signal: AbortSignal }): Promise<Lab> {
  const child = execa(
    process.execPath,
    [join(projectFolder(), 'lab', 'main.ts'), 'up', '--json', '--owner-pid', String(process.pid)],
    { cancelSignal: options.signal, reject: false, stdin: 'ignore' },
  );
  const lines = async (): Promise<void> => {
    for await (const line of child.iterable({ from: 'stderr' })) options.onLine(line);
  };
  const [result] = await Promise.all([child, lines().catch(() => undefined)]);
  if (result.exitCode !== 0) {
    options.signal.throwIfAborted();
    const prerequisites = 'run `ecs-host doctor`, then `ecs-host lab down` and try again';
    if (result.exitCode === 2)
      throw new EcsHostError('user', 'LAB_NOT_STARTED', 'The lab (the embedded EC2) could not be started.', {
        hint: prerequisites,
        output: result.stderr,
      });
    throw outsideError(
      'LAB_FAILED',
      'The lab (the embedded EC2) did not start.',
      prerequisites,
      `${result.stderr}\n${result.stdout}`,
    );
  }
  const answer = JSON.parse(result.stdout) as UpAnswer;
  return { endpoint: answer.endpoint, leave: () => leave(answer) };
}
