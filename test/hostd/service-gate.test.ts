import { readFile, writeFile } from 'node:fs/promises';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import type { Decision } from '../../webserver/server.ts';
import { makeSelfSigned } from '../../webserver/tls.ts';
import { world, worldForEachTest } from './service-world.ts';

worldForEachTest();

describe('the gate stays shut', () => {
  test('after a denial, until it is told to ask again', async () => {
    world.decide({ kind: 'deny', reason: 'not today' });
    const service = world.start();
    await service.reach('denied');
    await sleep(100);
    expect(world.happened).toEqual(['asked: deny']);
    expect(await world.isGateOpen()).toBe(false);
    expect(world.said('not today')).toBe(1);
    world.decide({ kind: 'grant' });
    service.askAgain();
    await service.reach('serving');
    await service.stop();
  });

  test.for<[string, Decision]>([
    ['HTTP 500', { kind: 'error', status: 500 }],
    ['torn JSON', { kind: 'nonsense', body: '{"version":1' }],
    ['a token of another type', { kind: 'nonsense', body: '{"version":1,"authToken":7}' }],
    ['a huge body', { kind: 'nonsense', body: `"${'x'.repeat(100_000)}"` }],
    ['a redirect', { kind: 'error', status: 302 }],
  ])('while the webserver answers %s; said once', async ([, trouble]) => {
    world.decide(trouble);
    const service = world.start();
    await vi.waitFor(() => expect(world.happened.length).toBeGreaterThan(1), { timeout: 10_000 });
    expect(await world.isGateOpen()).toBe(false);
    expect(world.said('asking again until it answers')).toBe(1);
    world.decide({ kind: 'grant' });
    await service.reach('serving');
    await service.stop();
  });

  test('while the webserver is away at boot, and it recovers by itself', async () => {
    await world.goAway();
    const service = world.start();
    await vi.waitFor(() => expect(service.state.now().handshakeAttempts).toBeGreaterThan(1), { timeout: 10_000 });
    expect(await world.isGateOpen()).toBe(false);
    await world.comeBack();
    await service.reach('serving');
    expect(world.said('ECONNREFUSED')).toBe(1);
    await service.stop();
  });

  test('while the webserver is too slow', async () => {
    world.decide({ kind: 'delay', delayMs: 1500, afterwards: { kind: 'grant' } });
    const service = world.start();
    await vi.waitFor(() => expect(service.state.now().handshakeAttempts).toBeGreaterThan(1), { timeout: 10_000 });
    expect(await world.isGateOpen()).toBe(false);
    expect(world.said('no answer within 1 s')).toBe(1);
    await service.stop();
  });

  test('while the answer breaks off in the middle', async () => {
    const tls = await makeSelfSigned('127.0.0.1');
    const torn = createTlsServer(tls, (_, response) => {
      response.writeHead(200, { 'Content-Length': '500' });
      response.write('{"version":1,');
      setTimeout(() => response.destroy(), 20);
    });
    await new Promise<void>((resolve) => torn.listen(0, '127.0.0.1', resolve));
    const { port } = torn.address() as AddressInfo;
    const config = { ...world.config, webserverUrl: `https://127.0.0.1:${port}`, webserverCa: tls.cert };
    await writeFile(world.configFile, JSON.stringify(config));
    const service = world.start();
    await vi.waitFor(() => expect(service.state.now().handshakeAttempts).toBeGreaterThan(1), { timeout: 10_000 });
    expect(await world.isGateOpen()).toBe(false);
    await service.stop();
    torn.closeAllConnections();
    torn.close();
  });

  test('before another authority', async () => {
    const stranger = await makeSelfSigned('127.0.0.1');
    await writeFile(world.configFile, JSON.stringify({ ...world.config, webserverCa: stranger.cert }));
    const service = world.start();
    await vi.waitFor(() => expect(world.said('certificate')).toBe(1), { timeout: 5000 });
    expect(world.happened).toEqual([]);
    expect(await world.isGateOpen()).toBe(false);
    await service.stop();
  });

  test('while the metadata service is late', async () => {
    const document = world.imds.answers.get('GET /latest/dynamic/instance-identity/document') ?? '';
    world.imds.answers.delete('GET /latest/dynamic/instance-identity/document');
    const service = world.start();
    await vi.waitFor(() => expect(world.said('metadata service does not answer')).toBe(1), { timeout: 5000 });
    expect(service.state.now().phase).toBe('network');
    expect(await world.isGateOpen()).toBe(false);
    world.imds.answers.set('GET /latest/dynamic/instance-identity/document', document);
    await service.reach('serving');
    await service.stop();
  });

  test('with a configuration that is wrong: said once, read again, no restart needed', async () => {
    const good = await readFile(world.configFile, 'utf8');
    await writeFile(world.configFile, good.replace('https://', 'http://'));
    const service = world.start();
    await vi.waitFor(() => expect(world.said('not https')).toBe(1), { timeout: 5000 });
    await sleep(600);
    expect(world.said('not https')).toBe(1);
    expect(world.happened).toEqual([]);
    await writeFile(world.configFile, good);
    await service.reach('serving');
    await service.stop();
  });
});
