import { spawn } from 'node:child_process';
import type { Log } from './log.ts';

/** Node has no datagram sockets to a path, so a helper that stays (packer/rootfs) sends what it reads. */
const HELPER = '/opt/ecs-host/bin/ecs-host-notify';

/** What systemd is told: sd_notify(3). */
export type Notify = {
  ready(): void;
  /** The line in `systemctl status`. */
  status(text: string): void;
  stopping(): void;
  feed(): void;
  extendTimeout(ms: number): void;
  readonly watchdogMs: number | null;
};

const SILENT: Notify = {
  ready: () => undefined,
  status: () => undefined,
  stopping: () => undefined,
  feed: () => undefined,
  extendTimeout: () => undefined,
  watchdogMs: null,
};

/**
 * Speaks to systemd and feeds its watchdog, from this event loop: a service that hangs stops feeding it and is restarted. So is one whose
 * helper died. Without NOTIFY_SOCKET (not started by systemd) it says nothing.
 */
export const createNotify = (log: Log, env: Readonly<Record<string, string | undefined>> = process.env): Notify => {
  if (!env['NOTIFY_SOCKET']) return SILENT;
  const helper = spawn(HELPER, { stdio: ['pipe', 'ignore', 'inherit'] });
  helper.on('error', (error) => log.say('error', `${HELPER}: ${error.message}`));
  helper.stdin.on('error', () => undefined);
  helper.unref();
  const send = (line: string): void => {
    helper.stdin.write(`${line}\n`);
  };
  const watchdogUs = Number(env['WATCHDOG_USEC'] ?? 0);
  return {
    ready: () => send('READY=1'),
    status: (text) => send(`STATUS=${text.replaceAll('\n', ' ')}`),
    stopping: () => send('STOPPING=1'),
    feed: () => send('WATCHDOG=1'),
    extendTimeout: (ms) => send(`EXTEND_TIMEOUT_USEC=${ms * 1000}`),
    watchdogMs: watchdogUs > 0 ? watchdogUs / 1000 : null,
  };
};
