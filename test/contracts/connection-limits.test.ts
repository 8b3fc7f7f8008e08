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

const open = (): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket)).on('error', reject);
    opened.push(socket);
  });
const ask = (): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    get({ port, agent: false }, (answer) => resolve(answer.resume().statusCode)).on('error', reject);
  });
const isOpen = (socket: Socket): boolean => !socket.destroyed && socket.readable;
const count = (): Promise<number> => new Promise((resolve) => server.getConnections((_, found) => resolve(found)));

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
