import { spawn } from 'node:child_process';
import { onHost } from '#contracts/host-paths.ts';
import { printable } from '#contracts/printable.ts';
import type { Log } from './log.ts';

/** Node has no datagram sockets to a path, so a helper that stays (packer/rootfs) sends what it reads. */
const HELPER = onHost('bin/ecs-host-notify');
const LONGEST_STATUS = 300;
/**
 * What waits for a helper that does not read. The watchdog is not fed then, and the service is restarted within its
 * time.
 */
const MOST_WAITING_BYTES = 64 * 1024;

/** What systemd is told: sd_notify(3). */
export type Notify = {
  ready(): void;
  /** The line in `systemctl status`. */
  status(text: string): void;
  stopping(): void;
  /**
   * The watchdog. Nothing here does it by itself: only who has seen the whole service alive may say so
   * (watchdog.ts).
   */
  feed(): void;
  /** A stop (or a start) takes at least so much longer. */
  extendTimeout(ms: number): void;
  /** The time within which systemd wants to be fed; null when it has no watchdog for this service. */
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
 * Speaks to systemd. Without NOTIFY_SOCKET (not started by systemd) it says nothing. A helper that died feeds no
 * watchdog any more.
 */
export function createNotify(
  log: Log,
  env: Readonly<Record<string, string | undefined>> = process.env,
  helperPath: string = HELPER,
): Notify {
  const { NOTIFY_SOCKET: socket } = env;
  if (!socket) return SILENT;
  const helper = spawn(helperPath, { stdio: ['pipe', 'ignore', 'inherit'], env: { NOTIFY_SOCKET: socket } });
  helper.on('error', (error) => log.say('error', `${helperPath}: ${error.message}`));
  helper.stdin.on('error', () => undefined);
  helper.unref();
  const send = (line: string): void => {
    if (helper.stdin.writableLength < MOST_WAITING_BYTES) helper.stdin.write(`${line}\n`);
  };
  const watchdogUs = Number(env['WATCHDOG_USEC'] ?? 0);
  return {
    ready: () => send('READY=1'),
    status: (text) => send(`STATUS=${printable(text, LONGEST_STATUS)}`),
    stopping: () => send('STOPPING=1'),
    feed: () => send('WATCHDOG=1'),
    extendTimeout: (ms) => send(`EXTEND_TIMEOUT_USEC=${Math.round(ms * 1000)}`),
    watchdogMs: watchdogUs > 0 ? watchdogUs / 1000 : null,
  };
}
