import { readFileSync } from 'node:fs';

/** A process that cannot be confused with a later one of the same number. */
export type ProcessIdentity = { readonly pid: number; /** Clock ticks since boot, from /proc/<pid>/stat. */ readonly startTime: string };

/** Field 22 of /proc/<pid>/stat; the second field may hold anything, so count from its closing parenthesis. */
export const parseStartTime = (stat: string): { startTime: string; state: string } | null => {
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .trim()
    .split(' ');
  const startTime = fields[19];
  const state = fields[0];
  return startTime === undefined || state === undefined ? null : { startTime, state };
};

/** Null when there is no such process, or only its zombie. */
export const identify = (pid: number): ProcessIdentity | null => {
  try {
    const parsed = parseStartTime(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    return parsed === null || parsed.state === 'Z' ? null : { pid, startTime: parsed.startTime };
  } catch {
    return null;
  }
};

export const isAlive = (identity: ProcessIdentity): boolean => identify(identity.pid)?.startTime === identity.startTime;

/** Sends a signal to that very process; false when it is gone. */
export const signalProcess = (identity: ProcessIdentity, signal: NodeJS.Signals): boolean => {
  if (!isAlive(identity)) return false;
  try {
    process.kill(identity.pid, signal);
    return true;
  } catch {
    return false;
  }
};

const POLL_MS = 50;

/** Resolves true when the process is gone, false at the limit. */
export const waitForEnd = async (identity: ProcessIdentity, limitMs: number): Promise<boolean> => {
  const limit = Date.now() + limitMs;
  while (isAlive(identity)) {
    if (Date.now() > limit) return false;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return true;
};
