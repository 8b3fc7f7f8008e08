import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HostConfig } from '#contracts/host-config.ts';
import { asHostConfig } from '#contracts/validate-host-config.ts';
import type { Log } from './log.ts';

const LARGEST_BYTES = 64 * 1024;
const POLL_MS = 250;

/** All that is wrong with a configuration, or the configuration. Pure. */
export const parseHostConfig = (text: string): Required<HostConfig> | { readonly problem: string } => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { problem: `not JSON: ${(error as Error).message}` };
  }
  const parsed = asHostConfig(value);
  return 'problems' in parsed
    ? { problem: parsed.problems.map(({ key, reason }) => `${key || 'it'} ${reason}`).join('; ') }
    : parsed.config;
};

/**
 * Waits until there is a configuration that can be used. cloud-init writes it some time after this service starts, and a person may mend a
 * broken one; either way no restart is needed. `onWaiting` hears what is wanting, once for each reason.
 */
export const waitForConfig = async (
  path: string,
  options: { log: Log; onWaiting: (problem: string) => Promise<void>; signal: AbortSignal },
): Promise<Required<HostConfig>> => {
  let lastProblem = '';
  for (;;) {
    options.signal.throwIfAborted();
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) =>
      error.code === 'ENOENT' ? null : '',
    );
    const parsed =
      text === null
        ? { problem: 'it is not there yet' }
        : text.length > LARGEST_BYTES
          ? { problem: `it is larger than ${LARGEST_BYTES} bytes` }
          : parseHostConfig(text);
    if (!('problem' in parsed)) return parsed;
    if (parsed.problem !== lastProblem) {
      lastProblem = parsed.problem;
      options.log.say(text === null ? 'info' : 'error', `${path}: ${parsed.problem}; the gate stays shut`);
      await options.onWaiting(`waiting for ${path}: ${parsed.problem}`);
    }
    await sleep(POLL_MS, undefined, { signal: options.signal });
  }
};
