import { describe, expect, test } from 'vitest';
import { confirmAddress, confirmOnce } from '../../webserver/confirm.ts';
import type { Host, HostStore } from '../../webserver/hosts.ts';
import type { Standing } from '../../webserver/standing-orders.ts';
import { ACCOUNT_ID, createTestHost } from '../fixtures/host.ts';
import { authority, beat, newId, serverForAllTests, shake, start } from './tested-server.ts';

serverForAllTests();

describe('a no of the policy', () => {
  const policyOf = (imageIds: readonly string[]) => ({
    certificateOf: () => authority.certificate,
    accountIds: [ACCOUNT_ID],
    regions: ['us-west-2'],
    imageIds,
  });
  const createStore = (): HostStore => {
    const [all, standing] = [new Map<string, Host>(), new Map<string, Standing>()];
    return {
      load: () => [...all.values()],
      put: (host) => void all.set(host.instanceId, host),
      remove: (instanceId) => void all.delete(instanceId),
      loadStanding: () => [...standing.values()],
      putStanding: (one) => void standing.set(one.instanceId, one),
    };
  };
  /** A webserver that granted so many hosts, started again with a policy that has none of them. */
  const misconfigured = async (count: number) => {
    const clock = { ms: 0 };
    const notices: string[] = [];
    const store = createStore();
    const more = {
      store,
      limits: { burst: 4, perSecond: 1 },
      monotonic: () => clock.ms,
      onNotice: (code: string) => notices.push(code),
    };
    const before = await start(more);
    const fleet = Array.from({ length: count }, () => createTestHost(authority, newId()));
    for (const host of fleet) expect((await shake(host, {}, before)).status).toBe(200);
    await before.close();
    const now = await start({ ...more, policy: policyOf(['ami-00000000000000009']) });
    const ask = async (): Promise<number[]> => {
      const statuses: number[] = [];
      for (const host of fleet) statuses.push((await shake(host, {}, now)).status);
      return statuses;
    };
    return { clock, notices, fleet, now, ask };
  };

  test('waits for a moment before a host that was granted before hears it; a stranger hears it at once', async () => {
    const { clock, now, ask } = await misconfigured(2);
    expect(await ask()).toEqual([503, 503]);
    expect((await shake(createTestHost(authority, newId()), {}, now)).status).toBe(403);
    clock.ms += 30_000;
    expect(await ask()).toEqual([403, 403]);
    await now.close();
  });

  test('to many hosts is not said before an operator means it; an order is', async () => {
    const { clock, notices, fleet, now, ask } = await misconfigured(4);
    // However often they ask: it is no fault of theirs.
    for (let n = 0; n < 5; n += 1) expect(await ask()).toEqual([503, 503, 503, 503]);
    clock.ms += 60_000;
    await now.revoke(fleet[0]?.instanceId ?? '', 'stolen');
    expect(await ask()).toEqual([403, 503, 503, 503]);
    expect(notices).toEqual(['MASS_DENIAL']);
    now.resume();
    expect(await ask()).toEqual([403, 403, 403, 403]);
    await now.close();
  });
});

describe('a document that somebody else may have read', () => {
  test('is taken from the address that it names only', async () => {
    const one = await start({ confirm: confirmAddress });
    expect((await shake(createTestHost(authority, newId()), {}, one)).status).toBe(200);
    const stolen = createTestHost(authority, newId(), { privateIp: '10.0.0.9' });
    expect(await shake(stolen, {}, one)).toMatchObject({
      status: 403,
      body: { reason: 'it comes from 127.0.0.1, and its identity document names 10.0.0.9' },
    });
    await one.close();
  });

  test('is taken with the first key only, until an operator forgets it', async () => {
    const one = await start({ confirm: confirmOnce });
    const host = createTestHost(authority, newId());
    const { body } = await shake(host, {}, one);
    await beat(host.instanceId, body['authToken'], true, one);
    const other = createTestHost(authority, host.instanceId);
    expect(await shake(other, {}, one)).toMatchObject({ status: 403 });
    expect((await shake(host, {}, one)).status).toBe(200);
    one.forget(host.instanceId);
    expect((await shake(other, {}, one)).status).toBe(200);
    await one.close();
  });

  test('waits while it cannot be confirmed', async () => {
    const told: string[] = [];
    const one = await start({
      confirm: () => Promise.reject(new Error('not authorized: arn:aws:iam::1:role/web')),
      onRefusal: (_: string, __: string, reason: string) => told.push(reason),
    });
    // Why is nothing for whoever asks.
    expect(await shake(createTestHost(authority, newId()), {}, one)).toMatchObject({
      status: 503,
      body: { code: 'BUSY', reason: 'it cannot be confirmed now who this is' },
    });
    expect(told).toEqual(['it cannot be confirmed now who this is: not authorized: arn:aws:iam::1:role/web']);
    await one.close();
  });

  test('shown by two at once is taken from one', async () => {
    const both = Promise.withResolvers<void>();
    const one = await start({ confirm: confirmOnce, decide: () => both.promise.then(() => ({ kind: 'grant' })) });
    const id = newId();
    const asked = [createTestHost(authority, id), createTestHost(authority, id)].map((host) => shake(host, {}, one));
    await new Promise((resolve) => setTimeout(resolve, 200));
    both.resolve();
    expect((await Promise.all(asked)).map(({ status }) => status).sort()).toEqual([200, 400]);
    await one.close();
  });
});
