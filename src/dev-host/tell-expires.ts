import type { DevHost } from './dev-host.ts';
import { connectDevHost } from './reach.ts';
import { EXPIRES_FILE } from './user-data.ts';

const REACH_LIMIT_MS = 15_000;

/**
 * Writes the time to where the host's own watch looks beside its tag, which some types see only after a restart.
 *
 * @returns false when it could not be reached; its tag says the same
 */
export async function tellExpires(host: DevHost, expires: string, signal: AbortSignal): Promise<boolean> {
  try {
    await using ssh = await connectDevHost(host, signal, REACH_LIMIT_MS);
    const file = EXPIRES_FILE;
    const command = `sudo sh -c 'umask 022; cat >${file}.new && mv ${file}.new ${file}'`;
    return (await ssh.run(command, { input: `${expires}\n` })).exitCode === 0;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}
