import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Decisions, orderWebserver, serveAdmin } from '../../webserver/admin.ts';
import { startWebserver } from '../../webserver/server.ts';
import { makeSelfSigned } from '../../webserver/tls.ts';
import { instanceIdOf } from '../support/a-host.ts';

test('a webserver is told what to answer, by whoever owns its socket', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ecs-admin-'));
  const socket = join(folder, 'webserver.sock');
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
  } finally {
    await webserver.close();
    await rm(folder, { recursive: true, force: true });
  }
  await expect(orderWebserver(socket, { kind: 'hosts' })).rejects.toThrow();
});
