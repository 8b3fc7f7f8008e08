import type { DevHost } from './dev-host.ts';
import { connectDevHost } from './reach.ts';

/** Where the host's own watch looks beside its tag, which some types see only after a restart. */
const FILE = '/var/lib/ecs-host-dev/expires';
const REACH_LIMIT_MS = 15_000;

/** Writes the time onto the host. @returns false when it could not be reached; its tag says the same */
export async function tellExpires(host: DevHost, expires: string, signal: AbortSignal): Promise<boolean> {
  try {
    await using ssh = await connectDevHost(host, signal, REACH_LIMIT_MS);
    const command = `sudo sh -c 'umask 022; mkdir -p /var/lib/ecs-host-dev; cat >${FILE}.new && mv ${FILE}.new ${FILE}'`;
    return (await ssh.run(command, { input: `${expires}\n` })).exitCode === 0;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}
