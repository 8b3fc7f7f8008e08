import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, request } from 'node:http';
import { createConnection, createServer as createNetServer, type Server } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { attachHttp, peerOf } from '../../../lab/net/peer-socket.ts';
import { sharedTempFolder } from '../../support/temp-folder.ts';

const GATEWAY = fileURLToPath(new URL('../../../lab/net/gateway.ts', import.meta.url));

const folder = sharedTempFolder();
let port: number;
let gateway: ChildProcess;
let inner: Server;
const http = createServer((incoming, outgoing) => {
  const chunks: Buffer[] = [];
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
  incoming.on('end', () => {
    outgoing.setHeader('x-peer', peerOf(incoming.socket) ?? 'none');
    outgoing.end(`${Buffer.concat(chunks).length}`);
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createNetServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

beforeAll(async () => {
  const socket = join(folder, 'http.sock');
  inner = await attachHttp(socket, http);
  port = await freePort();
  gateway = spawn(process.execPath, [GATEWAY, `127.0.0.1:${port}=${socket}`], { stdio: ['pipe', 'pipe', 'inherit'] });
  await new Promise<void>((resolve, reject) => {
    gateway.stdout?.once('data', () => resolve());
    gateway.once('exit', () => reject(new Error('the gateway ended')));
  });
});

afterAll(async () => {
  const ended = new Promise((resolve) => gateway.once('exit', resolve));
  gateway.stdin?.end();
  await ended;
  http.closeAllConnections();
  inner.close();
});

function post(body: Buffer): Promise<{ peer: string; text: string }> {
  return new Promise((resolve, reject) => {
    const sending = request({ host: '127.0.0.1', port, method: 'POST' }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve({ peer: String(response.headers['x-peer']), text }));
    });
    sending.on('error', reject);
    sending.end(body);
  });
}

test('a request arrives whole, with the address of the one who made it', async () => {
  expect(await post(Buffer.alloc(3_000_000, 'x'))).toEqual({ peer: '127.0.0.1', text: '3000000' });
});

test('many at once do not mix', async () => {
  const sizes = Array.from({ length: 30 }, (_, n) => n * 1000);
  const answers = await Promise.all(sizes.map((size) => post(Buffer.alloc(size))));
  expect(answers.map(({ text }) => Number(text))).toEqual(sizes);
});

test('a caller that closes its side first still gets its answer', async () => {
  const answer = await new Promise<string>((resolve, reject) => {
    let text = '';
    const socket = createConnection({ host: '127.0.0.1', port, allowHalfOpen: true }, () =>
      socket.end('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
    );
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    socket.on('end', () => resolve(text));
    socket.on('error', reject);
  });
  expect(answer).toContain('x-peer: 127.0.0.1');
});

test('a connection without the first line is not served', async () => {
  const closed = await new Promise<string>((resolve) => {
    let text = '';
    const socket = createConnection(join(folder, 'http.sock'), () => socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    socket.on('close', () => resolve(text));
  });
  expect(closed).toBe('');
});
