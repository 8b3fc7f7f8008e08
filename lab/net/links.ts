import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { run, succeeds, ToolFailed } from '../exec.ts';

/** For a link that came before the monitor listened. */
const LOOK_AGAIN_MS = 500;

export function hasLink(namespace: string, link: string): Promise<boolean> {
  return succeeds('ip', ['-n', namespace, 'link', 'show', 'dev', link]);
}

/**
 * Waits until a namespace has a link, told by the kernel: to ask again and again costs more processor time than the
 * boot that is waited for.
 *
 * @returns false when the signal ended the wait
 */
export async function waitForLink(namespace: string, link: string, signal: AbortSignal): Promise<boolean> {
  let change = Promise.withResolvers<void>();
  const monitor = execa('ip', ['-n', namespace, 'monitor', 'link'], {
    buffer: false,
    reject: false,
    stdin: 'ignore',
    stderr: 'ignore',
  });
  // One line for each change of a link, which names it.
  monitor.stdout.on('data', (lines: Buffer) => {
    if (lines.includes(link)) change.resolve();
  });
  try {
    while (!signal.aborted) {
      if (await hasLink(namespace, link)) return true;
      await Promise.race([change.promise, sleep(LOOK_AGAIN_MS)]);
      change = Promise.withResolvers();
    }
    return false;
  } finally {
    monitor.kill();
    await monitor;
  }
}

/**
 * A link goes with the machine that held its other end, by itself and a moment later; so it may vanish under our
 * hands.
 */
export async function removeLink(namespace: string, link: string): Promise<void> {
  if (!(await hasLink(namespace, link))) return;
  try {
    await run('ip', ['-n', namespace, 'link', 'delete', 'dev', link]);
  } catch (error) {
    if (!(error instanceof ToolFailed) || !error.message.includes('Cannot find device')) throw error;
  }
}
