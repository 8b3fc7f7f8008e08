import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { BadOrder, Decisions, OrderFailed, orderWebserver, serveAdmin } from '../../webserver/admin.ts';
import { orderIn } from '../../webserver/admin-orders.ts';
import { startWebserver } from '../../webserver/server.ts';
import { makeSelfSigned } from '../../webserver/tls.ts';
import { instanceIdOf } from '../fixtures/host.ts';
import { tempFolder } from '../support/temp-folder.ts';

test('a webserver is told what to answer, by whoever owns its socket', async () => {
  const socket = join(tempFolder(), 'webserver.sock');
  const decisions = new Decisions();
  const webserver = await startWebserver({
    address: '127.0.0.1',
    port: 0,
    tls: await makeSelfSigned('127.0.0.1'),
    policy: { certificateOf: () => null, accountIds: null, regions: null, imageIds: null },
    decide: ({ instanceId }) => decisions.of(instanceId),
  });
  try {
    await using _admin = await serveAdmin(socket, webserver, decisions);
    expect((await stat(socket)).mode & 0o777).toBe(0o600);
    const [one, two] = [instanceIdOf(1), instanceIdOf(2)];
    webserver.hosts.admit({ instanceId: one, region: 'r', imageId: 'ami-1', environment: 'test', hostKey: 'k' }, null);
    expect(await orderWebserver(socket, { kind: 'hosts' })).toMatchObject([{ instanceId: one, state: 'alive' }]);

    await orderWebserver(socket, { kind: 'decide', instanceId: null, decision: { kind: 'deny', reason: 'closed' } });
    await orderWebserver(socket, { kind: 'decide', instanceId: two, decision: { kind: 'grant' } });
    expect(decisions.of(one)).toEqual({ kind: 'deny', reason: 'closed' });
    expect(decisions.of(two)).toEqual({ kind: 'grant' });

    expect(await orderWebserver(socket, { kind: 'drain', instanceId: one, reason: 'x' })).toEqual({ isKnown: true });
    expect(await orderWebserver(socket, { kind: 'revoke', instanceId: two, reason: 'x' })).toEqual({ isKnown: false });
    expect(await orderWebserver(socket, { kind: 'hosts' })).toMatchObject([{ state: 'draining' }]);
    expect(await orderWebserver(socket, { kind: 'orders' })).toEqual([
      { instanceId: one, drain: 'x', revoked: null, isKnown: true },
      { instanceId: two, drain: null, revoked: 'x', isKnown: false },
    ]);
    expect(await orderWebserver(socket, { kind: 'serve', instanceId: one })).toEqual({ isKnown: true });
    expect(await orderWebserver(socket, { kind: 'trust', instanceId: two })).toEqual({ isKnown: false });
    expect(await orderWebserver(socket, { kind: 'orders' })).toEqual([]);
    expect(await orderWebserver(socket, { kind: 'resume' })).toEqual({});
    expect(await orderWebserver(socket, { kind: 'forget', instanceId: one })).toEqual({ isKnown: true });
    expect(await orderWebserver(socket, { kind: 'hosts' })).toEqual([]);

    const none = { kind: 'drain', instanceId: one, reason: '\u001b[2J' } as const;
    await expect(orderWebserver(socket, none)).rejects.toThrow(new BadOrder('the reason has control characters'));
    const large = { kind: 'drain', instanceId: one, reason: 'x'.repeat(100_000) } as const;
    await expect(orderWebserver(socket, large)).rejects.toThrow(new BadOrder('an order of more than 65536 bytes'));
    vi.spyOn(webserver, 'trust').mockImplementation(() => {
      throw new Error('disk is full');
    });
    await expect(orderWebserver(socket, { kind: 'trust', instanceId: one })).rejects.toThrow(
      new OrderFailed('disk is full'),
    );
  } finally {
    await webserver.close();
  }
  await expect(orderWebserver(socket, { kind: 'hosts' })).rejects.toThrow();
});

const ID = instanceIdOf(1);

test.each<[object]>([
  [{ kind: 'hosts' }],
  [{ kind: 'forget', instanceId: ID }],
  [{ kind: 'revoke', instanceId: ID, reason: 'gestohlen – weg' }],
  [{ kind: 'decide', instanceId: null, decision: { kind: 'delay', delayMs: 5, afterwards: { kind: 'grant' } } }],
  [{ kind: 'decide', instanceId: ID, decision: { kind: 'error', status: 503 } }],
  [{ kind: 'decide', instanceId: ID, decision: { kind: 'nonsense', body: '{' } }],
])('an order: %o', (order) => {
  expect(orderIn(JSON.stringify({ ...order, more: 'is left out' }))).toEqual(order);
});

function decide(decision: unknown): object {
  return { kind: 'decide', instanceId: ID, decision };
}
test.each<[unknown, string]>([
  [{ kind: 'restart' }, 'an order that is not known'],
  [{}, 'an order that is not known'],
  [[], 'the order is no object'],
  [null, 'the order is no object'],
  [{ kind: 'serve', instanceId: 'i-\u001b[1m' }, '"i- [1m" is no instance id'],
  [{ kind: 'trust' }, '"undefined" is no instance id'],
  [{ kind: 'drain', instanceId: ID }, 'the reason is missing'],
  [{ kind: 'drain', instanceId: ID, reason: ' ' }, 'the reason is missing'],
  [{ kind: 'drain', instanceId: ID, reason: 'a\nb' }, 'the reason has control characters'],
  [{ kind: 'drain', instanceId: ID, reason: 'x'.repeat(201) }, 'the reason is longer than 200 characters'],
  [{ kind: 'decide', decision: { kind: 'grant' } }, '"undefined" is no instance id'],
  [decide(null), 'the decision is no object'],
  [decide({ kind: 'perhaps' }), 'a decision that is not known'],
  [decide({ kind: 'deny' }), 'the reason is missing'],
  [decide({ kind: 'error', status: 200 }), 'the status is no whole number from 400 to 599'],
  [decide({ kind: 'nonsense', body: 1 }), 'the nonsense is no text, or too long'],
  [decide({ kind: 'delay', delayMs: 1 }), 'the decision is no object'],
  [decide({ kind: 'delay', delayMs: -1, afterwards: { kind: 'grant' } }), 'the delay is no whole number'],
  [
    decide({ kind: 'delay', delayMs: 1, afterwards: { kind: 'delay', delayMs: 1, afterwards: { kind: 'grant' } } }),
    'a delay after a delay',
  ],
])('no order: %o', (order, problem) => {
  expect(() => orderIn(JSON.stringify(order))).toThrow(problem);
});

test('what is not JSON is no order', () => expect(() => orderIn('{')).toThrow('the order is not JSON'));
