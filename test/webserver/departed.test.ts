import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SilenceBreaker } from '../../webserver/breaker.ts';
import { confirmOnce } from '../../webserver/confirm.ts';
import { type ReapedFor, reapSilentHosts } from '../../webserver/reaper.ts';
import type { Webserver } from '../../webserver/server.ts';
import { createTestHost } from '../fixtures/host.ts';
import { authority, beat, newId, serverForAllTests, settings, shake, start } from './tested-server.ts';

serverForAllTests();

let one: Webserver;
beforeEach(async () => {
  one = await start();
});
afterEach(() => one.close());

/** Has the reaper look a few times, after so long. */
async function look(afterS: number): Promise<string[]> {
  settings.nowMs += afterS * 1000;
  const ended: string[] = [];
  const over = new AbortController();
  const monotonic = (): number => settings.nowMs;
  const reaping = reapSilentHosts(
    {
      hosts: one.hosts,
      silenceS: 300,
      everyMs: 1,
      breaker: new SilenceBreaker(monotonic, () => undefined),
      terminate: async () => undefined,
      onTerminated: (instanceId: string, _: string | null, why: ReapedFor) => ended.push(`${instanceId} ${why}`),
    },
    over.signal,
  );
  await new Promise((resolve) => setTimeout(resolve, 50));
  over.abort();
  await reaping;
  return ended;
}

function newHost() {
  return createTestHost(authority, newId());
}

describe('a host that will not serve is ended', () => {
  test('after it was denied, and has its time anew when it asks again', async () => {
    const host = newHost();
    settings.decision = { kind: 'deny', reason: 'unknown' };
    expect((await shake(host, {}, one)).status).toBe(403);
    expect(await look(299)).toEqual([]);
    await shake(host, {}, one);
    expect(await look(299)).toEqual([]);
    expect(await look(1)).toEqual([`${host.instanceId} denied`]);
    expect(await look(300)).toEqual([]);
  });

  test('however many they are: an operator meant it', async () => {
    settings.decision = { kind: 'deny', reason: 'unknown' };
    for (let hosts = 0; hosts < 5; hosts += 1) await shake(newHost(), {}, one);
    expect(await look(300)).toHaveLength(5);
  });

  test('after the end of its drain', async () => {
    const host = newHost();
    const { body } = await shake(host, {}, one);
    await one.drain(host.instanceId, 'maintenance');
    await beat(host.instanceId, body['authToken'], true, one);
    expect(one.hosts.get(host.instanceId)).toBeNull();
    expect(await look(300)).toEqual([`${host.instanceId} drained`]);
  });
});

describe('not', () => {
  test('one that was granted since', async () => {
    const host = newHost();
    settings.decision = { kind: 'deny', reason: 'unknown' };
    await shake(host, {}, one);
    settings.nowMs += 200_000;
    settings.decision = { kind: 'grant' };
    expect((await shake(host, {}, one)).status).toBe(200);
    expect(await look(150)).toEqual([]);
  });

  test('one whose order an operator has taken back', async () => {
    const host = newHost();
    await one.drain(host.instanceId, 'maintenance');
    expect((await shake(host, {}, one)).status).toBe(403);
    one.serve(host.instanceId);
    expect(await look(300)).toEqual([]);
  });

  test('one that says goodbye without an order: it reboots', async () => {
    const host = newHost();
    const { body } = await shake(host, {}, one);
    await beat(host.instanceId, body['authToken'], true, one);
    expect(await look(300)).toEqual([]);
  });

  test('one whose identity does not verify, or is not ours, or that cannot be confirmed', async () => {
    settings.decision = { kind: 'deny', reason: 'unknown' };
    const unsigned = await shake(newHost(), { identitySignature: 'AAAA' }, one);
    const foreign = await shake(createTestHost(authority, newId(), { accountId: '999999999999' }), {}, one);
    expect([unsigned.status, foreign.status]).toEqual([403, 403]);
    await one.close();
    one = await start({ confirm: async () => 'EC2 says that this instance is stopped' });
    expect((await shake(newHost(), {}, one)).status).toBe(403);
    expect(await look(300)).toEqual([]);
  });

  test('a host whose document somebody else shows, with another key, while it is away', async () => {
    await one.close();
    one = await start({ confirm: null });
    const host = newHost();
    const { body } = await shake(host, {}, one);
    await beat(host.instanceId, body['authToken'], true, one);
    settings.decision = { kind: 'deny', reason: 'unknown' };
    const thief = createTestHost(authority, host.instanceId);
    expect((await shake(thief, {}, one)).status).toBe(403);
    expect(await look(300)).toEqual([]);
    expect(await confirmOnce(thief.handshake('x'), '', one.hosts)).toMatch('another key');
  });
});
