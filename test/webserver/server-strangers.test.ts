import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { describe, expect, test, vi } from 'vitest';
import { createTestHost } from '../fixtures/host.ts';
import { authority, beat, challenge, newId, post, serverForAllTests, shake, start, tls } from './tested-server.ts';

serverForAllTests();

describe('strangers', () => {
  test('cannot use up nonces: after hundreds of questions a host still gets in', async () => {
    const some = Array.from({ length: 300 }, () => challenge(newId()));
    await Promise.all(some);
    expect((await shake(createTestHost(authority, newId()))).status).toBe(200);
  });

  test('that hold many connections and say nothing do not keep a host out', async () => {
    const one = await start({ limits: { connections: 20 } });
    const sockets = Array.from({ length: 50 }, () =>
      connect(one.port, '127.0.0.1')
        .on('error', () => undefined)
        .resume(),
    );
    const open = (): number => sockets.filter(({ closed }) => !closed).length;
    await vi.waitFor(() => expect(open()).toBe(20), { timeout: 4000 });
    expect((await shake(createTestHost(authority, newId()), {}, one)).status).toBe(200);
    for (const socket of sockets) socket.destroy();
    await one.close();
  });

  test.each(['', '\x16\x03\x01\x02\x00\x01'])('that say %j and no more are gone in time', async (said) => {
    const times = { handshakeTimeout: 100, headersTimeout: 100, requestTimeout: 100, connectionsCheckingInterval: 20 };
    const one = await start({ limits: { times } });
    const socket = connect(one.port, '127.0.0.1', () => socket.write(said)).resume();
    socket.on('error', () => undefined);
    await vi.waitFor(() => expect(socket.closed).toBe(true), { timeout: 10_000 });
    await one.close();
  });

  test.each(['POST /host_ser', 'POST /host_service/auth HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{'])(
    'that send %j and no more are gone in time',
    async (said) => {
      const times = {
        handshakeTimeout: 900,
        headersTimeout: 100,
        requestTimeout: 100,
        connectionsCheckingInterval: 20,
      };
      const one = await start({ limits: { times } });
      const socket = connectTls({ port: one.port, host: '127.0.0.1', ca: tls.cert }, () => socket.write(said)).resume();
      socket.on('error', () => undefined);
      await vi.waitFor(() => expect(socket.closed).toBe(true), { timeout: 10_000 });
      await one.close();
    },
  );

  test('who ask too often wait; handshakes that were verified cost nothing', async () => {
    let ms = 0;
    const refused: string[] = [];
    const one = await start({
      monotonic: () => ms,
      limits: { burst: 4, perSecond: 1 },
      onRefusal: (who: string, kind: string) => refused.push(`${who} ${kind}`),
    });
    for (let n = 0; n < 10; n += 1) expect((await shake(createTestHost(authority, newId()), {}, one)).status).toBe(200);
    const answers = [];
    for (let n = 0; n < 5; n += 1)
      answers.push((await post('/host_service/challenge', { version: 1, instanceId: newId() }, undefined, one)).status);
    expect(answers).toEqual([200, 200, 200, 200, 503]);
    expect(refused).toEqual(['127.0.0.1 BUSY']);
    ms += 2000;
    expect((await shake(createTestHost(authority, newId()), {}, one)).status).toBe(200);
    await one.close();
  });

  test('are told of, by their address; nothing that they wrote is an order to a terminal', async () => {
    const told: string[] = [];
    const one = await start({
      onRefusal: (who: string, kind: string, reason: string) => told.push(`${who} ${kind} ${reason}`),
    });
    const host = createTestHost(authority, newId());
    await post('/host_service/challenge', '{', undefined, one);
    await post('/host_service/challenge', 'x'.repeat(100_000), undefined, one);
    await post('/host_service/auth', host.handshake('A'.repeat(43)), undefined, one);
    await shake(host, { proof: `${'A'.repeat(86)}==` }, one);
    await beat(host.instanceId, 'x', false, one);
    await shake(createTestHost(authority, newId(), {}), { region: 'mars\u001b[2J' }, one);
    expect((await shake(host, {}, one)).status).toBe(200);
    await shake(createTestHost(authority, host.instanceId), {}, one);
    expect(told.map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
      '127.0.0.1 MALFORMED',
      '127.0.0.1 TOO_LARGE',
      '127.0.0.1 NONCE',
      '127.0.0.1 PROOF',
      '127.0.0.1 TOKEN',
      '127.0.0.1 MALFORMED',
      `${host.instanceId} INSTANCE_KNOWN`,
    ]);
    expect(told.join('')).not.toContain('\u001b');
    await one.close();
  });
});
