import { setTimeout as sleep } from 'node:timers/promises';
import type { HostConfig } from '#contracts/host-config.ts';
import { asHostConfig } from '#contracts/validate-host-config.ts';
import { parseJson } from './json.ts';
import type { Log } from './log.ts';
import { readSmallFile } from './read-file.ts';

const LARGEST_BYTES = 64 * 1024;
const POLL_MS = 250;
/** A file that is another one altogether has a mistake a line. */
const MOST_MISTAKES = 10;

/** All that is wrong with a configuration, or the configuration. Pure. */
export function parseHostConfig(text: string): Required<HostConfig> | { readonly problem: string } {
  const json = parseJson(text);
  if ('problem' in json) return json;
  const parsed = asHostConfig(json.value);
  if ('config' in parsed) return parsed.config;
  const mistakes = parsed.problems.map(({ key, reason }) => `${key || 'it'} ${reason}`);
  const more = mistakes.length - MOST_MISTAKES;
  return { problem: [...mistakes.slice(0, MOST_MISTAKES), ...(more > 0 ? [`${more} more`] : [])].join('; ') };
}

async function read(path: string): Promise<ReturnType<typeof parseHostConfig> | null> {
  const found = await readSmallFile(path, LARGEST_BYTES);
  return found !== null && 'text' in found ? parseHostConfig(found.text) : found;
}

/**
 * Waits until there is a configuration that can be used. cloud-init writes it some time after this service starts, and
 * a person may mend a broken one; either way no restart is needed. `onWaiting` hears what is wanting, once for each
 * reason.
 */
export async function waitForConfig(
  path: string,
  options: { log: Log; onWaiting: (problem: string) => Promise<void>; signal: AbortSignal },
): Promise<Required<HostConfig>> {
  let lastProblem = '';
  for (;;) {
    options.signal.throwIfAborted();
    const found = await read(path);
    if (found !== null && !('problem' in found)) return found;
    const problem = found?.problem ?? 'it is not there yet';
    if (problem !== lastProblem) {
      lastProblem = problem;
      options.log.say(found === null ? 'info' : 'error', `${path}: ${problem}; the gate stays shut`);
      await options.onWaiting(`waiting for ${path}: ${problem}`);
    }
    await sleep(POLL_MS, undefined, { signal: options.signal });
  }
}
