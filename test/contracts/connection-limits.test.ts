import { createServer, get, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ConnectionLimits, limitConnections } from '#contracts/connection-limits.ts';

let server: Server;
let port: number;
let limits: ConnectionLimits;
const opened: Socket[] = [];

beforeEach(async () => {
  server = createServer((_, response) => response.end('well'));
  limits = limitConnections(server, 8);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as AddressInfo);
});
afterEach(async () => {
  for (const socket of opened.splice(0)) socket.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function open(from = '127.0.0.1'): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: from }, () => resolve(socket)).on('error', reject);
    opened.push(socket);
  });
}
function ask(): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get({ port, agent: false }, (answer) => resolve(answer.resume().statusCode)).on('error', reject);
  });
}
function isOpen(socket: Socket): boolean {
  return !socket.destroyed && socket.readable;
}
function count(): Promise<number> {
  return new Promise((resolve) => server.getConnections((_, found) => resolve(found)));
}

test('a hundred strangers that hold connections keep nobody out, and only some are held', async () => {
  for (let index = 0; index < 100; index += 1) await open();
  expect(await ask()).toBe(200);
  await expect.poll(count).toBeLessThanOrEqual(8);
});

test('the oldest goes first, and one that has proven itself stays', async () => {
  const [proven, oldest] = [await open(), await open()];
  await expect.poll(count).toBe(2);
  limits.proven({ remoteAddress: '127.0.0.1', remotePort: (proven.address() as AddressInfo).port });
  const later = [];
  for (let index = 0; index < 8; index += 1) later.push(await open());
  oldest.resume();
  await expect.poll(() => isOpen(oldest)).toBe(false);
  expect(isOpen(proven)).toBe(true);
  expect(later.every(isOpen)).toBe(true);
});

test('of those who hold most, one goes: who holds one is not dropped, whoever comes', async () => {
  const quiet = await open('127.0.0.3');
  await expect.poll(count).toBe(1);
  const crowd = await Promise.all(Array.from({ length: 50 }, () => open('127.0.0.2')));
  const others = await Promise.all(['127.0.0.4', '127.0.0.5', '127.0.0.6'].map((address) => open(address)));
  for (const socket of crowd) socket.resume();
  await expect.poll(() => crowd.filter(isOpen).length).toBe(4);
  expect(isOpen(quiet)).toBe(true);
  expect(others.every(isOpen)).toBe(true);
  await expect.poll(count).toBe(8);
});

test('a connection that ended makes room', async () => {
  for (let times = 0; times < 50; times += 1) (await open()).destroy();
  await expect.poll(count).toBe(0);
  const held = await Promise.all(Array.from({ length: 8 }, () => open()));
  await expect.poll(count).toBe(8);
  expect(held.every(isOpen)).toBe(true);
});
