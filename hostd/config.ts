import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HostConfig } from '#contracts/host-service.ts';
import type { Log } from './log.ts';

const LARGEST_BYTES = 64 * 1024;
const POLL_MS = 250;
const DRAIN_SECONDS = 60;

/** What is wrong with a configuration, or the configuration. Pure. */
export const parseHostConfig = (text: string): HostConfig | { readonly problem: string } => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { problem: `not JSON: ${(error as Error).message}` };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { problem: 'not a JSON object' };
  const {
    version,
    webserverUrl,
    webserverCa,
    environment,
    drainSeconds = DRAIN_SECONDS,
    ...unknown
  } = value as Record<string, unknown>;
  const [strange] = Object.keys(unknown);
  if (strange !== undefined) return { problem: `unknown key ${strange}` };
  if (version !== 1) return { problem: `version is ${JSON.stringify(version)}, this service reads version 1` };
  if (typeof webserverUrl !== 'string' || !URL.canParse(webserverUrl)) return { problem: 'webserverUrl is not a URL' };
  const url = new URL(webserverUrl);
  if (url.protocol !== 'https:') return { problem: 'webserverUrl is not https' };
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '' || url.pathname !== '/') {
    return { problem: 'webserverUrl is more than https://host[:port]' };
  }
  if (webserverCa !== null && (typeof webserverCa !== 'string' || !webserverCa.includes('BEGIN CERTIFICATE'))) {
    return { problem: 'webserverCa is neither null nor a PEM certificate' };
  }
  if (typeof environment !== 'string' || !/^[a-z][a-z0-9-]{0,39}$/.test(environment)) {
    return { problem: 'environment is not a name of lower-case letters, digits and dashes' };
  }
  if (typeof drainSeconds !== 'number' || !Number.isInteger(drainSeconds) || drainSeconds < 0 || drainSeconds > 3600) {
    return { problem: 'drainSeconds is not a whole number from 0 to 3600' };
  }
  return { version: 1, webserverUrl: url.origin, webserverCa, environment, drainSeconds };
};

/**
 * Waits until there is a configuration that can be used. cloud-init writes it some time after this service starts, and a person may mend a
 * broken one; either way no restart is needed. `onWaiting` hears what is wanting, once for each reason.
 */
export const waitForConfig = async (
  path: string,
  options: { log: Log; onWaiting: (problem: string) => Promise<void>; signal: AbortSignal },
): Promise<HostConfig> => {
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
