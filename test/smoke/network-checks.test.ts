import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { askPort } from '../../src/smoke/checks/network-checks.ts';

let server: Server | null = null;
afterEach(() => {
  server?.close();
  server = null;
});

async function listen(onConnection: Parameters<typeof createServer>[1]): Promise<number> {
  server = createServer(onConnection);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

test('the greeting is an answer', async () => {
  const port = await listen((socket) => socket.end('ecs-host-smoke'));
  expect(await askPort('127.0.0.1', port, 1000)).toBe('answers');
});

test('a listener that says nothing is silent, and another greeting is not ours', async () => {
  const silent = await listen((socket) => socket.on('error', () => {}));
  expect(await askPort('127.0.0.1', silent, 100)).toBe('silent');
  server?.close();
  const other = await listen((socket) => socket.end('SSH-2.0'));
  expect(await askPort('127.0.0.1', other, 1000)).toBe('closed without a word');
});

test('no listener is refused', async () => {
  const port = await listen(() => {});
  server?.close();
  if (server) await once(server, 'close');
  expect(await askPort('127.0.0.1', port, 1000)).toBe('refused');
});
