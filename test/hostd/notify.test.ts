import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLog } from '../../hostd/log.ts';
import { createNotify } from '../../hostd/notify.ts';

/** The real helper, and a real datagram socket in systemd's place. */
const HELPER = join(import.meta.dirname, '../../packer/rootfs/opt/ecs-host/bin/ecs-host-notify');
const SYSTEMD = `import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("ready", flush=True)
while True:
    with open(sys.argv[2], "ab") as f:
        f.write(s.recv(4096) + b"|")
`;
let folder: string;
let systemd: ChildProcess;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ecs-notify-'));
  systemd = spawn('/usr/bin/python3', ['-c', SYSTEMD, join(folder, 'socket'), join(folder, 'heard')]);
  await new Promise((resolve) => systemd.stdout?.once('data', resolve));
});
afterEach(async () => {
  systemd.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

const heard = async (): Promise<string[]> =>
  (await readFile(join(folder, 'heard'), 'utf8').catch(() => '')).split('|').filter(Boolean);
const environment = (): Record<string, string> => ({ NOTIFY_SOCKET: join(folder, 'socket'), WATCHDOG_USEC: '3000000' });

test('says what systemd has to know, and nothing that somebody else has put into it', async () => {
  const notify = createNotify(
    createLog(() => undefined),
    environment(),
    HELPER,
  );
  expect(notify.watchdogMs).toBe(3000);
  notify.ready();
  notify.status('denied: no\rMAINPID=101\nREADY=1\u0000\u0085\u2028WATCHDOG=trigger');
  notify.status(`long ${'ü'.repeat(5000)}`);
  notify.extendTimeout(1500.4);
  notify.feed();
  notify.stopping();
  await expect.poll(heard).toHaveLength(6);
  const [ready, status, long, ...rest] = await heard();
  expect(ready).toBe('READY=1');
  expect(status).toBe('STATUS=denied: no MAINPID=101 READY=1   WATCHDOG=trigger');
  expect(long?.length).toBeLessThan(320);
  expect(rest).toEqual(['EXTEND_TIMEOUT_USEC=1500000', 'WATCHDOG=1', 'STOPPING=1']);
});

test.each(['MAINPID=1', 'STATUS=a\rMAINPID=1', 'READY=1\rMAINPID=1', 'FDSTORE=1', 'WATCHDOG=trigger', 'STATUS=\0', ''])(
  'the helper itself lets %j not pass',
  async (line) => {
    await execa(HELPER, { env: environment(), input: `${line}\nREADY=1\n` });
    await expect.poll(heard).toEqual(['READY=1']);
  },
);

test('says nothing without systemd', () => {
  expect(
    createNotify(
      createLog(() => undefined),
      {},
    ).watchdogMs,
  ).toBeNull();
});
