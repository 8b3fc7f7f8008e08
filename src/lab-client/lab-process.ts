import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { type EcsHostError, outsideError, userError } from '../io/errors.ts';
import { projectFolder } from '../io/paths.ts';
import { poll } from '../io/wait-until.ts';

export type Lab = {
  readonly endpoint: string;
  /** Tells the lab that this command is done; when it was started for it, waits until nothing of it is left. */
  leave(): Promise<void>;
  /** Has it stay up until `lab down`, whoever started it. @throws Error when it cannot be told */
  stay(): Promise<void>;
  /** Has it stay up until that instance is terminated, running or stopped. @throws Error when it cannot be told */
  stayFor(instanceId: string): Promise<void>;
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

/** A further owner; `pid: null` is nobody, who never leaves. */
async function addOwner({ endpoint }: UpAnswer, owner: { pid: null } | { instanceId: string }): Promise<void> {
  const answer = await fetch(`${endpoint}/_lab/owners`, {
    method: 'POST',
    body: JSON.stringify(owner),
    signal: AbortSignal.timeout(10_000),
  });
  if (!answer.ok) throw new Error(`the lab answered HTTP ${answer.status}`);
}

/** What the lab says about itself is the reason, told once; what it can not say is in its output. */
function notStarted(stdout: string, stderr: string): EcsHostError {
  const told = problemIn(stdout);
  if (told?.isUsers === true)
    return userError(
      'LAB_NOT_STARTED',
      `The lab (the embedded EC2) was not started: ${told.problem}`,
      '`ecs-host doctor` lists what the lab needs; AWS regions need no lab',
    );
  return outsideError(
    'LAB_FAILED',
    told === null
      ? 'The lab (the embedded EC2) did not start.'
      : `The lab (the embedded EC2) did not start: ${told.problem}`,
    'run `ecs-host doctor`, then `ecs-host lab down` and try again',
    told === null ? `${stderr}\n${stdout}` : undefined,
  );
}

function problemIn(stdout: string): { readonly problem: string; readonly isUsers: boolean } | null {
  try {
    const { problem, isUsers } = JSON.parse(stdout) as { problem?: unknown; isUsers?: unknown };
    return typeof problem === 'string' ? { problem, isUsers: isUsers === true } : null;
  } catch {
    return null;
  }
}

/**
 * Starts the lab unless one is up, as this process's own: it goes down with it. The lab is an outside program to this
 * one. What passes is this command line with its answer, the endpoint URL, and the `/_lab/` calls of this folder:
 * owners, and the identity certificate.
 *
 * @throws EcsHostError `LAB_NOT_STARTED` (user) or `LAB_FAILED` (outside) with the lab's own reason
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
    throw notStarted(String(result.stdout), String(result.stderr));
  }
  const answer = JSON.parse(result.stdout) as UpAnswer;
  return {
    endpoint: answer.endpoint,
    leave: () => leave(answer),
    stay: () => addOwner(answer, { pid: null }),
    stayFor: (instanceId) => addOwner(answer, { instanceId }),
  };
}

type StatusAnswer =
  | { readonly state: 'down' }
  | { readonly state: 'broken'; readonly reason: string; readonly isGone: boolean }
  | { readonly state: 'up'; readonly endpoint: string };

/**
 * The endpoint of a lab that is up, without starting one and without owning it: whoever asks is no reason for it to
 * stay. Null when there is none; machines end with their lab, so then there are none either.
 *
 * @throws EcsHostError `LAB_FAILED` (outside) when one is there and does not answer
 */
export async function runningLab(): Promise<string | null> {
  const { stdout, stderr, exitCode } = await execa(
    process.execPath,
    [join(projectFolder(), 'lab', 'main.ts'), 'status', '--json'],
    { reject: false, stdin: 'ignore' },
  );
  if (exitCode !== 0) throw notStarted(stdout, stderr);
  const found = JSON.parse(stdout) as StatusAnswer;
  if (found.state === 'up') return found.endpoint;
  if (found.state === 'down' || found.isGone) return null;
  throw outsideError(
    'LAB_FAILED',
    `The lab (the embedded EC2) is broken: ${found.reason}`,
    '`ecs-host lab down` ends it with its machines',
  );
}
