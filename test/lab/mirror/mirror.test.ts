import { createHash, randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MirrorCache } from '../../../lab/mirror/cache.ts';
import { archivePath, createMirrorListener } from '../../../lab/mirror/listener.ts';
import { proxySettings, Upstream } from '../../../lab/mirror/upstream.ts';
import { tempFolder } from '../../support/temp-folder.ts';

type Reply = (request: IncomingMessage, response: ServerResponse) => void;

async function listen(reply: Reply): Promise<{ url: string; server: Server }> {
  const server = createServer(reply);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

async function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

describe('mirror', () => {
  let folder: string;
  let asked: string[];
  let reply: Reply;
  let upstream: Awaited<ReturnType<typeof listen>>;
  let mirror: Awaited<ReturnType<typeof listen>>;

  beforeEach(async () => {
    folder = tempFolder();
    asked = [];
    reply = (_, response) => response.writeHead(404).end();
    upstream = await listen((request, response) => {
      asked.push(`${request.url} ${request.headers['if-modified-since'] ?? '-'}`);
      reply(request, response);
    });
    const cache = new MirrorCache({
      folder,
      upstream: `${upstream.url}/debian`,
      log: () => {},
      environment: {},
      freshMs: 0,
    });
    mirror = await listen(createMirrorListener({ debian: cache }));
  });
  afterEach(async () => {
    await stop(mirror.server);
    if (upstream.server.listening) await stop(upstream.server);
  });

  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(`${mirror.url}/debian/${path}`, { headers });

  test('fetches a package once and then never asks again', async () => {
    reply = (_, response) => response.writeHead(200, { 'content-length': 3 }).end('deb');
    const path = 'pool/main/g/g++/g++_12%2b1~b1_amd64.deb';
    expect(await (await get(path)).text()).toBe('deb');
    // Whoever has the last byte has it a moment before the file is in the cache.
    const fromCache = async (): Promise<string | null> => (await get(path)).headers.get('x-lab-cache');
    await expect.poll(fromCache).toBe('cache');
    expect(await (await get(path)).text()).toBe('deb');
    expect(asked).toEqual(['/debian/pool/main/g/g++/g++_12+1~b1_amd64.deb -']);
  });

  test('asks again for indexes, and serves what it has when upstream says unchanged or is away', async () => {
    const modified = 'Mon, 23 Nov 2026 10:00:00 GMT';
    reply = (request, response) =>
      request.headers['if-modified-since'] === modified
        ? response.writeHead(304).end()
        : response.writeHead(200, { 'last-modified': modified }).end('release');
    expect(await (await get('dists/bookworm/InRelease')).text()).toBe('release');
    expect(await (await get('dists/bookworm/InRelease')).text()).toBe('release');
    expect(asked).toEqual(['/debian/dists/bookworm/InRelease -', `/debian/dists/bookworm/InRelease ${modified}`]);
    expect((await get('dists/bookworm/InRelease', { 'if-modified-since': modified })).status).toBe(304);
    await stop(upstream.server);
    const offline = await get('dists/bookworm/InRelease');
    expect(offline.headers.get('x-lab-cache')).toBe('stale');
    expect(await offline.text()).toBe('release');
    expect((await get('dists/bookworm/main/Contents')).status).toBe(502);
  });

  test('shares one download between concurrent requests, and streams it while it runs', async () => {
    const content = randomBytes(700_000);
    let finish = (): void => {};
    reply = (_, response) => {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 300_000));
      finish = () => response.end(content.subarray(300_000));
    };
    const answers = await Promise.all([get('pool/a.deb'), get('pool/a.deb'), get('pool/a.deb')]);
    const reader = answers[0]?.body?.getReader();
    const first = await reader?.read();
    expect(first?.value?.length).toBeGreaterThan(0);
    reader?.releaseLock();
    finish();
    const late = await get('pool/a.deb');
    const digest = (bytes: ArrayBuffer): string => createHash('sha256').update(Buffer.from(bytes)).digest('hex');
    const whole = createHash('sha256').update(content).digest('hex');
    expect(digest(await (answers[1] as Response).arrayBuffer())).toBe(whole);
    expect(digest(await (answers[2] as Response).arrayBuffer())).toBe(whole);
    expect(digest(await late.arrayBuffer())).toBe(whole);
    await answers[0]?.body?.cancel();
    expect(asked).toHaveLength(1);
  });

  test('keeps nothing of a download that broke off, and tries again', async () => {
    reply = (_, response) => {
      response.writeHead(200, { 'content-length': 10 });
      response.write('half');
      setTimeout(() => response.destroy(), 20);
    };
    // A client whose mirror is slow hears of the break before it has heard of an answer.
    await expect(get('pool/b.deb').then((broken) => broken.text())).rejects.toThrow();
    const left = async (): Promise<readonly string[]> =>
      (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.deb') || name.includes('lab-'));
    await expect.poll(left).toEqual([]);
    reply = (_, response) => response.writeHead(200, { 'content-length': 5 }).end('whole');
    expect(await (await get('pool/b.deb')).text()).toBe('whole');
  });

  test('stands a client that left before its answer began', async () => {
    const asking = Promise.withResolvers<ServerResponse>();
    reply = (_, response) => asking.resolve(response);
    const leaving = new AbortController();
    const left = fetch(`${mirror.url}/debian/pool/a.deb`, { signal: leaving.signal });
    const response = await asking.promise;
    leaving.abort();
    await expect(left).rejects.toThrow('aborted');
    // The mirror has heard of it.
    await sleep(50);
    // What nobody catches would end the daemon; here it fails the run.
    response.writeHead(200, { 'content-length': 3 }).end('deb');
    await expect.poll(async () => (await readdir(folder, { recursive: true })).join()).toContain('a.deb');
    expect(await (await get('pool/a.deb')).text()).toBe('deb');
  });

  test('passes on that something is not there, also when an index once was', async () => {
    expect((await get('pool/none.deb')).status).toBe(404);
    expect((await fetch(`${mirror.url}/ubuntu/pool/none.deb`)).status).toBe(404);
    expect((await fetch(`${mirror.url}/debian/pool/x`, { method: 'POST' })).status).toBe(405);
  });

  test('follows redirects', async () => {
    reply = (request, response) =>
      request.url?.startsWith('/debian/')
        ? response.writeHead(302, { location: '/elsewhere/a' }).end()
        : response.writeHead(200).end('moved');
    expect(await (await get('pool/c.deb')).text()).toBe('moved');
  });

  test('goes through a proxy', async () => {
    const seen: string[] = [];
    const proxy = await listen((request, response) => {
      seen.push(request.url ?? '');
      response.writeHead(200).end('through the proxy');
    });
    const cache = new MirrorCache({
      folder,
      upstream: 'http://mirror.invalid/debian',
      log: () => {},
      environment: { http_proxy: proxy.url },
    });
    const answer = await cache.get('pool/d.deb');
    expect(answer.status).toBe(200);
    if (answer.status === 200)
      for await (const chunk of await answer.body()) expect(String(chunk)).toBe('through the proxy');
    expect(seen).toEqual(['http://mirror.invalid/debian/pool/d.deb']);
    await stop(proxy.server);
  });

  test.each([
    ['/debian/../etc/passwd', null],
    ['/debian/%2e%2e/x', null],
    ['/debian/pool/', null],
    ['/debian', null],
    ['/debian/pool/%zz', null],
    ['//debian//pool/x', { archive: 'debian', path: 'pool/x' }],
  ])('maps %s', (url, expected) => {
    expect(archivePath(url)).toEqual(expected);
  });

  test('reads proxies as curl does', () => {
    expect(proxySettings({})).toEqual({});
    expect(proxySettings({ HTTPS_PROXY: 'proxy:3128' })).toEqual({ HTTPS_PROXY: 'http://proxy:3128' });
    expect(proxySettings({ https_proxy: 'http://proxy:1', HTTPS_PROXY: 'http://other:1' })).toEqual({
      HTTPS_PROXY: 'http://proxy:1',
    });
    expect(
      proxySettings({ ALL_PROXY: 'http://proxy:1', http_proxy: '', no_proxy: 'localhost, .example,*.org,' }),
    ).toEqual({
      HTTP_PROXY: 'http://proxy:1',
      HTTPS_PROXY: 'http://proxy:1',
      NO_PROXY: 'localhost,.localhost,example,.example,org,.org',
    });
    expect(proxySettings({ NO_PROXY: '*' })).toEqual({ NO_PROXY: '*' });
  });

  test('goes to what is excluded directly, and through a proxy by CONNECT where TLS is spoken', async () => {
    const asked: string[] = [];
    const proxy = await listen((_, response) => response.writeHead(200).end('through the proxy'));
    proxy.server.on('connect', (request, socket) => {
      asked.push(`${request.url} ${request.headers['proxy-authorization']}`);
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
    });
    const direct = await listen((_, response) => response.writeHead(200).end('directly'));
    const environment = { ALL_PROXY: proxy.url.replace('http://', 'http://me:secret@'), no_proxy: '127.0.0.1' };
    const upstream = new Upstream(environment);
    const response = await upstream.get(new URL(`${direct.url}/x`), {});
    for await (const chunk of response) expect(String(chunk)).toBe('directly');
    await expect(upstream.get(new URL('https://mirror.invalid/x'), {})).rejects.toThrow('407');
    expect(asked).toEqual([`mirror.invalid:443 Basic ${Buffer.from('me:secret').toString('base64')}`]);
    await stop(proxy.server);
    await stop(direct.server);
  });
});
