import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessIdentity } from '../process-identity.ts';
import { isAlive } from '../process-identity.ts';

const POLL_MS = 40;

/** Sends a signal to that very process; false when it is gone. */
export async function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): Promise<boolean> {
  if (!(await isAlive(identity))) return false;
  try {
    process.kill(identity.pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** Resolves true when the process is gone, false at the limit. */
export async function waitForEnd(identity: ProcessIdentity, limitMs: number): Promise<boolean> {
  const limit = Date.now() + limitMs;
  while (await isAlive(identity)) {
    if (Date.now() > limit) return false;
    await sleep(POLL_MS);
  }
  return true;
}

/** SIGTERM, then SIGKILL at the limit. Resolves when the process is gone. */
export async function endProcess(identity: ProcessIdentity, limitMs: number): Promise<'was gone' | 'ended' | 'killed'> {
  if (!(await signalProcess(identity, 'SIGTERM'))) return 'was gone';
  if (await waitForEnd(identity, limitMs)) return 'ended';
  await signalProcess(identity, 'SIGKILL');
  await waitForEnd(identity, 5000);
  return 'killed';
}
