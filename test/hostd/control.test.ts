import { once } from 'node:events';
import { request } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Control, type ControlOrder, openControl } from '../../hostd/control.ts';
import { makeCertificate } from '../../hostd/tls.ts';
import { tellHost } from '../../webserver/control-client.ts';

let tls: Awaited<ReturnType<typeof makeCertificate>>;
let control: Control;
let orders: ControlOrder[];
beforeAll(async () => {
  tls = await makeCertificate('test');
});
beforeEach(async () => {
  orders = [];
  control = await openControl({
    tls,
    address: '127.0.0.1',
    port: 0,
    phase: () => 'serving',
    onOrder: (order) => orders.push(order),
  });
});
afterEach(() => control[Symbol.asyncDispose]());

function call(
  method: string,
  path: string,
  body: string | Buffer = '',
  token = control.port.token,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port: control.port.port,
        method,
        path,
        agent: false,
        ca: tls.cert,
        checkServerIdentity: () => undefined,
        headers: { Authorization: `Bearer ${token}`, 'Content-Length': Buffer.byteLength(body) },
      },
      (incoming) => {
        let text = '';
        incoming.on('data', (chunk) => {
          text += String(chunk);
        });
        incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text }));
        incoming.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

test('takes the orders of the webserver', async () => {
  await tellHost('127.0.0.1', control.port, 'drain', 'maintenance');
  await tellHost('127.0.0.1', control.port, 'revoke', 'stolen');
  expect(orders).toEqual([
    { verb: 'drain', reason: 'maintenance' },
    { verb: 'revoke', reason: 'stolen' },
  ]);
  expect(await call('GET', '/v1/status')).toMatchObject({ status: 200, text: '{"version":1,"phase":"serving"}' });
});

test('only with the certificate of the handshake', async () => {
  const other = await makeCertificate('other');
  await expect(tellHost('127.0.0.1', { ...control.port, certificate: other.cert }, 'drain', 'x')).rejects.toThrow(
    /certificate|self-signed/,
  );
  expect(orders).toEqual([]);
});

test.for<[string, string, string, string, string | undefined, number]>([
  ['another token', 'POST', '/v1/revoke', '{"version":1,"reason":"x"}', 'A'.repeat(43), 401],
  ['a token of another length', 'POST', '/v1/revoke', '{"version":1,"reason":"x"}', 'A', 401],
  ['no JSON', 'POST', '/v1/revoke', '{', undefined, 400],
  ['an unknown field', 'POST', '/v1/revoke', '{"version":1,"reason":"x","force":true}', undefined, 400],
  ['a reason that is none', 'POST', '/v1/revoke', '{"version":1,"reason":7}', undefined, 400],
  ['another path', 'POST', '/v1/grant', '{}', undefined, 404],
  ['another method', 'GET', '/v1/revoke', '', undefined, 404],
  ['a huge body', 'POST', '/v1/revoke', `"${'x'.repeat(5000)}"`, undefined, 413],
])('refuses %s', async ([, method, path, body, token, status]) => {
  expect(await call(method, path, body, token)).toMatchObject({ status, text: expect.stringContaining('"code"') });
  expect(orders).toEqual([]);
});

test('a stranger with a huge body is refused before it is read', async () => {
  const answer = await call('POST', '/v1/revoke', Buffer.alloc(50_000_000), 'A'.repeat(43)).catch(() => ({
    status: 401,
  }));
  expect(answer.status).toBe(401);
});

test('slow and silent peers are cut off, and the event loop goes on meanwhile', async () => {
  const closed: boolean[] = [];
  const sockets = Array.from({ length: 12 }, (_, index) => {
    const socket = connect({ host: '127.0.0.1', port: control.port.port, rejectUnauthorized: false }, () => {
      if (index % 2 === 0) socket.write('POST /v1/revoke HTTP/1.1\r\nHost: x\r\nX-Slow: ');
    });
    socket.on('close', () => closed.push(true));
    socket.on('error', () => undefined);
    return socket;
  });
  const dripping = setInterval(() => {
    for (const socket of sockets) if (!socket.destroyed) socket.write('x');
  }, 100);
  await sleep(200);
  let longest = 0;
  let last = performance.now();
  const beating = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 10);
  expect((await call('GET', '/v1/status')).status).toBe(200);
  await expect.poll(() => closed.length, { timeout: 10_000 }).toBe(12);
  clearInterval(beating);
  clearInterval(dripping);
  expect(longest).toBeLessThan(1000);
}, 15_000);

test('answers the webserver while a thousand strangers hold connections, say half or garbage, come again', async () => {
  let opened = 0;
  const besieger = new Worker(new URL('../support/besieger.ts', import.meta.url), {
    workerData: { port: control.port.port, from: '127.0.0.2', connections: 1000 },
  });
  besieger.on('message', (count: number) => {
    opened = count;
  });
  try {
    await expect.poll(() => opened, { timeout: 10_000 }).toBeGreaterThan(1500);
    for (let times = 0; times < 5; times += 1) expect((await call('GET', '/v1/status')).status).toBe(200);
    await tellHost('127.0.0.1', control.port, 'revoke', 'stolen');
    expect(orders).toEqual([{ verb: 'revoke', reason: 'stolen' }]);
  } finally {
    await besieger.terminate();
  }
}, 30_000);

test('a stranger who says nothing keeps nobody from being answered, from the same address either', async () => {
  const idle = Array.from({ length: 1000 }, () =>
    connectTcp(control.port.port, '127.0.0.1').on('error', () => undefined),
  );
  try {
    await Promise.all(idle.map((socket) => once(socket, 'connect')));
    expect((await call('GET', '/v1/status')).status).toBe(200);
    await expect.poll(() => idle.filter((socket) => !socket.resume().closed).length).toBeLessThan(130);
  } finally {
    for (const socket of idle) socket.destroy();
  }
});
