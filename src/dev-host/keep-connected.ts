import type { OpenSsh } from '../host-access/ssh.ts';
import { EcsHostError, outsideError } from '../io/errors.ts';
import type { Reporter } from '../io/reporter.ts';
import { poll } from '../io/wait-until.ts';
import type { DevHost } from './dev-host.ts';
import { connectDevHost } from './reach.ts';

export type Kept = {
  readonly host: DevHost;
  /** The host as the API has it now: it may have stopped, or have another address. */
  readonly lookAgain: () => Promise<DevHost>;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
};

/** Long enough for a laptop that is carried to another room, not for one that sleeps over night. */
const GIVE_UP_MS = 10 * 60_000;
const TRY_MS = 10_000;

/** What another attempt may mend: the network, the API, a host that boots. */
function isOutside(error: unknown): boolean {
  if (error instanceof EcsHostError) return error.kind === 'outside' || error.code === 'API_UNREACHABLE';
  return error instanceof Error && ('$metadata' in error || 'syscall' in error);
}

async function connectAgain({ host, lookAgain, reporter, signal }: Kept): Promise<OpenSsh> {
  const say = (text: string): void => reporter.emit({ type: 'note', code: 'DEV_HOST_RECONNECTING', text });
  say(`The connection to ${host.name} broke; connecting again.`);
  const attempt = async (): Promise<OpenSsh | null> => {
    try {
      return await connectDevHost(await lookAgain(), signal, TRY_MS);
    } catch (error) {
      signal.throwIfAborted();
      if (isOutside(error)) return null;
      throw error;
    }
  };
  const pace = { timeoutMs: GIVE_UP_MS, intervalMs: 500, growth: 2, maxIntervalMs: 15_000, signal };
  const ssh = await poll(attempt, pace);
  if (ssh === null)
    throw outsideError('SSH_UNREACHABLE', `No ssh to ${host.name} for ${GIVE_UP_MS / 60_000} minutes; giving up.`);
  say(`Connected to ${host.name} again.`);
  return ssh;
}

/**
 * Runs `work` over a connection, and over a new one each time that it breaks (`SSH_LOST`), until `work` is done or the
 * signal fires.
 */
export async function keepConnected(kept: Kept, work: (ssh: OpenSsh) => Promise<void>): Promise<void> {
  let next = (): Promise<OpenSsh> => connectDevHost(kept.host, kept.signal);
  while (!kept.signal.aborted) {
    await using ssh = await next();
    try {
      return await work(ssh);
    } catch (error) {
      if (kept.signal.aborted) return;
      if (!(error instanceof EcsHostError) || error.code !== 'SSH_LOST') throw error;
      next = () => connectAgain(kept);
    }
  }
}
