import { spawn } from 'node:child_process';
import { printable } from '#contracts/printable.ts';
import type { Log } from './log.ts';

/** Node has no datagram sockets to a path, so a helper that stays (packer/rootfs) sends what it reads. */
const HELPER = '/opt/ecs-host/bin/ecs-host-notify';
const LONGEST_STATUS = 300;

/** What systemd is told: sd_notify(3). */
export type Notify = {
  ready(): void;
  /** The line in `systemctl status`. */
  status(text: string): void;
  stopping(): void;
  /** Feeds the watchdog. It starves when this is not called within `watchdogMs`. */
  feed(): void;
  /** While starting or stopping: so much more time from now on. */
  extendTimeout(ms: number): void;
  /** Null when systemd does not watch. */
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

/** Speaks to systemd. Without NOTIFY_SOCKET (not started by systemd) it says nothing; when its helper dies, the watchdog starves. */
export const createNotify = (
  log: Log,
  env: Readonly<Record<string, string | undefined>> = process.env,
  file: string = HELPER,
): Notify => {
  if (!env['NOTIFY_SOCKET']) return SILENT;
  const helper = spawn(file, { stdio: ['pipe', 'ignore', 'inherit'], env });
  helper.on('error', (error) => log.say('error', `${file}: ${error.message}`));
  helper.stdin.on('error', () => undefined);
  helper.unref();
  const send = (line: string): void => {
    helper.stdin.write(`${line}\n`);
  };
  const watchdogUs = Number(env['WATCHDOG_USEC'] ?? 0);
  return {
    ready: () => send('READY=1'),
    status: (text) => send(`STATUS=${printable(text, LONGEST_STATUS)}`),
    stopping: () => send('STOPPING=1'),
    feed: () => send('WATCHDOG=1'),
    extendTimeout: (ms) => send(`EXTEND_TIMEOUT_USEC=${Math.round(ms) * 1000}`),
    watchdogMs: watchdogUs > 0 ? watchdogUs / 1000 : null,
  };
};
