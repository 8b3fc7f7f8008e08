import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { execa } from 'execa';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { LiveStream } from '../../src/stream/live.ts';
import { type StreamPage, servePage } from '../../src/stream/page.ts';
import { userInTable, userOfPeer } from '../../src/stream/page-guard.ts';
import { startPeer } from '../support/stream-peer.ts';

const key = randomBytes(16);
const UNITS = [
  Buffer.from('000000016742c01eff0000000165aa', 'hex'),
  ...Array.from({ length: 500 }, () => Buffer.from('0000000141bb', 'hex')),
];

let page: StreamPage;
let host = '';

beforeEach(async () => {
  const peer = await startPeer({ key, units: UNITS });
  const stop = new AbortController();
  const stream = new LiveStream({ host: '127.0.0.1', ports: peer.ports, key });
  const running = stream.run(stop.signal);
  await stream.firstPicture(AbortSignal.timeout(10_000));
  page = await servePage(stream, 'sandbox');
  host = new URL(page.address).host;
  onTestFinished(async () => {
    await page[Symbol.asyncDispose]();
    stop.abort();
    await running;
    await peer[Symbol.asyncDispose]();
  });
});

async function get(url: string, headers: Record<string, string> = {}, method = 'GET') {
  const sent = request(url, { headers: { host, ...headers }, method, agent: false });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

/** What a websocket is told until it has so many messages, or its refusal. */
async function listen(url: string, headers: Record<string, string>, wish: string | null): Promise<(string | Buffer)[]> {
  const socket = new WebSocket(url.replace('http:', 'ws:'), { headers });
  const heard: (string | Buffer)[] = [];
  socket.on('message', (data: Buffer, isBinary) => {
    heard.push(isBinary ? data : String(data));
    if (heard.length === 3) socket.terminate();
  });
  socket.on('open', () => wish !== null && socket.send(wish));
  socket.on('error', ({ message }) => heard.push(message));
  await new Promise((resolve) => socket.on('close', resolve));
  return heard;
}

describe('who may see the page', () => {
  test('whoever has its address, which cannot be guessed', async () => {
    expect(page.address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[\w-]{32}\/$/);
    expect(await get(page.address)).toMatchObject({ status: 200, body: expect.stringContaining('sandbox') });
    const { origin, pathname } = new URL(page.address);
    const others = ['/', '/page.js', pathname.slice(0, -1), `/${randomBytes(24).toString('base64url')}/`, '/open/none'];
    for (const other of [...others, `${pathname}../page.js`, `${pathname}%2e%2e/live.ts`, `${pathname}tsconfig.json`])
      expect(await get(`${origin}${other}`), other).toMatchObject({ status: 404 });
    expect((await get(page.address, {}, 'POST')).status).toBe(405);
  });

  test.each<[string, Record<string, string>, number]>([
    ['a name that leads here', { host: 'evil.example:80' }, 403],
    ['another origin', { origin: 'https://evil.example' }, 403],
    ['an opaque origin', { origin: 'null' }, 403],
    ['an image or script of another site', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }, 403],
    [
      'a frame of another site',
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' },
      403,
    ],
    [
      'a page of another port here',
      { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors', origin: 'http://127.0.0.1:1' },
      403,
    ],
    [
      'a link that a person follows',
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
      200,
    ],
    ['the page itself, forwarded to another port', { host: 'localhost:9000', origin: 'http://localhost:9000' }, 200],
  ])('%s: %j is answered %d', async (_what, headers, status) => {
    expect((await get(page.address, headers)).status).toBe(status);
  });

  test('nobody else can show it, load of it or be told where it is', async () => {
    const { headers } = await get(page.address);
    expect(headers).toMatchObject({
      'content-security-policy': expect.stringMatching(/default-src 'none'.*frame-ancestors 'none'/),
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    });
    expect(headers['access-control-allow-origin']).toBeUndefined();
  });
});

describe('the websocket', () => {
  test('tells the status, and gives pictures to who asks, from one that a decoder can begin with', async () => {
    const live = `${page.address}live`;
    const origin = `http://${host}`;
    const [status, first, second] = await listen(live, { origin }, 'pictures');
    expect(JSON.parse(String(status))).toMatchObject({ state: 'live', codec: 'avc1.42c01e', width: 320, height: 180 });
    expect([first, second]).toEqual([
      Buffer.concat([Buffer.from([1]), UNITS[0] ?? Buffer.alloc(0)]),
      Buffer.concat([Buffer.from([0]), UNITS[1] ?? Buffer.alloc(0)]),
    ]);
    const told = await listen(live, { origin }, null);
    expect(told.map((message) => typeof message)).toEqual(['string', 'string', 'string']);
  });

  test('is refused to other origins, and without the address', async () => {
    expect(await listen(`${page.address}live`, { origin: 'https://evil.example' }, null)).toEqual([
      'Unexpected server response: 403',
    ]);
    expect(await listen(`http://${host}/live`, {}, null)).toEqual(['Unexpected server response: 403']);
  });
});

describe('the address that a browser is opened with', () => {
  test('works once, and leads to the lasting one', async () => {
    const once = page.openingAddress();
    expect(once).not.toContain(new URL(page.address).pathname);
    expect(await get(once)).toMatchObject({ status: 303, headers: { location: new URL(page.address).pathname } });
    expect((await get(once)).status).toBe(404);
  });

  test('does not work for another user of this machine who reads it on a command line', async (context) => {
    if (process.getuid?.() !== 0) return context.skip('not root, so nobody else can be asked to try');
    const once = page.openingAddress();
    const curl = ['curl', '--silent', '--output', '/dev/null', '--write-out', '%{http_code}', once];
    const tried = await execa('setpriv', ['--reuid=65534', '--clear-groups', '--', ...curl], { reject: false });
    if (tried.exitCode === 127) return context.skip('no curl or setpriv here');
    expect(tried.stdout).toBe('404');
    expect((await get(once)).status).toBe(303);
  });
});

test('whose program is at the other end is known from the table of sockets', async () => {
  const table = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    '   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0',
    '   1: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 2 1 0 20 4 30 10 -1',
  ].join('\n');
  expect(userInTable(table, '0100007F:C350', '0100007F:1F90')).toBe(1000);
  expect(userInTable(table, '0100007F:C351', '0100007F:1F90')).toBeNull();
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  const [accepted] = (await once(server, 'connection')) as [Socket];
  onTestFinished(() => void accepted.destroy());
  expect(await userOfPeer(accepted)).toBe(process.getuid?.());
});
