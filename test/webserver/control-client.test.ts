import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { makeCertificate } from '../../hostd/tls.ts';
import { tellHost } from '../../webserver/control-client.ts';
import { makeSelfSigned } from '../../webserver/tls.ts';

let own: { cert: string; key: string };
let server: Server;
let heard: string[];
beforeAll(async () => {
  own = await makeCertificate('ecs-host');
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

async function listen(tls: { cert: string; key: string }): Promise<number> {
  heard = [];
  server = createServer(tls, (request, response) => {
    heard.push(`${request.url} ${request.headers.authorization}`);
    response.writeHead(202).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
function control(port: number) {
  return { port, certificate: own.cert, token: 'T'.repeat(43) };
}

test('the certificate of the handshake is enough', async () => {
  await tellHost('127.0.0.1', control(await listen(own)), 'drain', 'maintenance');
  expect(heard).toEqual([`/v1/drain Bearer ${'T'.repeat(43)}`]);
});

test('another one of the same name never sees the token', async () => {
  const port = await listen(await makeCertificate('ecs-host'));
  await expect(tellHost('127.0.0.1', control(port), 'revoke', 'stolen')).rejects.toThrow('another certificate');
  expect(heard).toEqual([]);
});

test('one that begins tomorrow, or has ended, is accepted: clocks may be wrong', async () => {
  const day = 86_400_000;
  for (const valid of [
    { from: day, to: 2 * day },
    { from: -2 * day, to: -day },
  ]) {
    own = await makeSelfSigned('192.0.2.1', valid);
    await tellHost('127.0.0.1', control(await listen(own)), 'drain', 'maintenance');
    expect(heard).toHaveLength(1);
    server.close();
  }
});

test('a host that is not there is an error', async () => {
  const port = await listen(own);
  await new Promise((resolve) => server.close(resolve));
  await expect(tellHost('127.0.0.1', control(port), 'drain', 'x')).rejects.toThrow('ECONNREFUSED');
});
