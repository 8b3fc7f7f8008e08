import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
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
    // V8's own words quote the file, and this goes to the journal.
    const [where] = /line \d+ column \d+/.exec((error as Error).message) ?? [];
    return { problem: where === undefined ? 'it is not JSON' : `it is not JSON (${where})` };
  }
  const parsed = asHostConfig(value);
  return 'problems' in parsed
    ? { problem: parsed.problems.map(({ key, reason }) => `${key || 'it'} ${reason}`).join('; ') }
    : parsed.config;
};

/** Null when it is not there. A named pipe or a device is not waited for. */
const read = async (path: string): Promise<string | { readonly problem: string } | null> => {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = await file.stat();
    if (!stats.isFile()) return { problem: 'it is no file' };
    if (stats.size > LARGEST_BYTES) return { problem: `it is larger than ${LARGEST_BYTES} bytes` };
    return await file.readFile('utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? null : { problem: `it cannot be read (${code})` };
  }
};

const parsed = (text: Awaited<ReturnType<typeof read>>): ReturnType<typeof parseHostConfig> => {
  if (text === null) return { problem: 'it is not there yet' };
  return typeof text === 'string' ? parseHostConfig(text) : text;
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
    const text = await read(path);
    const found = parsed(text);
    if (!('problem' in found)) return found;
    if (found.problem !== lastProblem) {
      lastProblem = found.problem;
      options.log.say(text === null ? 'info' : 'error', `${path}: ${found.problem}; the gate stays shut`);
      await options.onWaiting(`waiting for ${path}: ${found.problem}`);
    }
    await sleep(POLL_MS, undefined, { signal: options.signal });
  }
};
