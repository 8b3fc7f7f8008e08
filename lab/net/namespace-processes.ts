import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../exec.ts';

/**
 * Ends whatever still sits in the lab's own namespace: its gateway, or the supervisor of a machine. Nothing else has a
 * reason to.
 */
export async function endNamespaceProcesses(namespace: string): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const pids = (await run('ip', ['netns', 'pids', namespace]))
      .split('\n')
      .map(Number)
      .filter((pid) => pid > 1 && pid !== process.pid);
    if (pids.length === 0) return;
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended meanwhile.
      }
    }
    await sleep(20);
  }
  throw new Error(`processes in ${namespace} do not end`);
}
