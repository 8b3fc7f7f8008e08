import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createNotify } from '../../hostd/notify.ts';

const HELPER = join(import.meta.dirname, '../../packer/rootfs/opt/ecs-host/bin/ecs-host-notify');
/** Stands where systemd listens; prints each datagram, byte for byte. */
const LISTENER = `
import socket, sys
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.bind(sys.argv[1])
print("", flush=True)
while True:
    print(sock.recv(65536).hex(), flush=True)
`;

import { sharedTempFolder } from '../support/temp-folder.ts';

const folder = sharedTempFolder();
let socket: string;
let systemd: ChildProcess;
const datagrams: string[] = [];
const log = { say: () => undefined, once: () => undefined };

beforeAll(async () => {
  socket = join(folder, 'notify');
  const child = spawn('/usr/bin/python3', ['-ISc', LISTENER, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  systemd = child;
  const lines = createInterface({ input: child.stdout });
  await once(lines, 'line');
  lines.on('line', (hex) => datagrams.push(Buffer.from(hex, 'hex').toString('latin1')));
});
beforeEach(() => {
  datagrams.length = 0;
});
afterAll(() => {
  systemd.kill();
});

test('what the service says arrives, a message each', async () => {
  const notify = createNotify(log, { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '60000000' }, HELPER);
  expect(notify.watchdogMs).toBe(60_000);
  notify.ready();
  notify.status('serving: 漢字');
  notify.feed();
  notify.extendTimeout(1.5);
  notify.stopping();
  await expect.poll(() => datagrams.length, { timeout: 5000 }).toBe(5);
  const status = Buffer.from('STATUS=serving: 漢字').toString('latin1');
  expect(datagrams).toEqual(['READY=1', status, 'WATCHDOG=1', 'EXTEND_TIMEOUT_USEC=1500', 'STOPPING=1']);
});

test.each(['\r', '\n', '\0', '\r\n', '\u0085', '\u2028', '\u2029', '\v', '\u001b', '\ud800'])(
  'a status with %j in it says nothing else to systemd',
  async (mark) => {
    const notify = createNotify(log, { NOTIFY_SOCKET: socket }, HELPER);
    notify.status(`denied: no${mark}MAINPID=1${mark}WATCHDOG=trigger${'x'.repeat(1000)}`);
    notify.feed();
    await expect.poll(() => datagrams.length, { timeout: 5000 }).toBe(2);
    expect(datagrams[0]).toMatch(/^STATUS=denied: no[ \u00bf\u00bd\u00ef]+MAINPID=1[ -\u00ff]+$/);
    expect(datagrams[0]).not.toMatch(/[\r\n\0]/);
    expect(datagrams[1]).toBe('WATCHDOG=1');
  },
);

test('the helper sends whole, known messages and no other, whatever it reads', async () => {
  const child = spawn(HELPER, { stdio: ['pipe', 'ignore', 'pipe'], env: { NOTIFY_SOCKET: socket } });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += String(chunk);
  });
  const refused = [
    'MAINPID=1',
    'READY=1\rMAINPID=1',
    'STATUS=no\rMAINPID=1',
    'STATUS=no\0MAINPID=1',
    'STATUS=no\u0085MAINPID=1',
    'STATUS=no\u2028MAINPID=1',
    'STATUS=no\u001b[2J',
    `STATUS=${'x'.repeat(1001)}`,
    'WATCHDOG=trigger',
    'WATCHDOG_USEC=0',
    'EXTEND_TIMEOUT_USEC=1e9',
    'EXTEND_TIMEOUT_USEC=NaN',
    'ERRNO=2',
    'FDSTORE=1',
    ' READY=1',
    'READY=1 ',
    '',
  ];
  child.stdin.end(`${[...refused, 'STATUS=', 'READY=1'].join('\n')}\nSTOPPING=1`);
  await once(child, 'close');
  await expect.poll(() => datagrams.length, { timeout: 5000 }).toBe(3);
  expect(datagrams).toEqual(['STATUS=', 'READY=1', 'STOPPING=1']);
  expect(said.trim().split('\n')).toEqual(refused.map(() => '<3>a message that is none for systemd was not sent'));
});

test('without systemd it is silent, and has no watchdog', () => {
  const notify = createNotify(log, {}, '/nonexistent');
  notify.ready();
  notify.feed();
  expect(notify.watchdogMs).toBeNull();
});
