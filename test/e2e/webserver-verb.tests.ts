import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DescribeInstancesCommand } from '@aws-sdk/client-ec2';
import { expect, test } from 'vitest';
import { shakeHands } from '../../hostd/handshake.ts';
import { loadHostKey } from '../../hostd/host-key.ts';
import { createLog } from '../../hostd/log.ts';
import { createWebserverClient } from '../../hostd/webserver-client.ts';
import type { BootedHost } from './booted-host.ts';
import type { LabHandle } from './lab-handle.ts';
import { identityOf } from './machine-edits.ts';
import { cli, start } from './support.ts';

/** The reference webserver as its owner runs it. It ends by terminating the machine. */
export function describeWebserver(lab: () => LabHandle, host: () => BootedHost): void {
  test('`ecs-host webserver` lets a host in, tells it what it is told, and terminates it once it is silent', {
    timeout: 180_000,
  }, async () => {
    const { environment, stateFolder } = lab();
    const store = join(stateFolder, 'hosts.sqlite');
    const run = start(['webserver', '--json', '--port', '0', '--store', store, '--terminate-after', '20'], environment);
    const order = async (...args: string[]): Promise<Record<string, unknown>[]> =>
      [JSON.parse((await cli(['webserver', ...args, '--json'], environment)).stdout)].flat() as Record<
        string,
        unknown
      >[];
    try {
      const said: string[] = [];
      run.all.on('data', (chunk: unknown) => said.push(String(chunk)));
      await expect.poll(() => said.join(''), { timeout: 20_000 }).toContain('"listening"');
      const { url, caFile } = JSON.parse(/^.*"listening".*$/m.exec(said.join(''))?.[0] ?? '') as Record<string, string>;
      const { signal } = new AbortController();
      const client = createWebserverClient(url ?? '', await readFile(caFile ?? '', 'utf8'), signal);
      const identity = await identityOf(host());
      const { instanceId } = identity;
      const key = await loadHostKey(join(stateFolder, 'host-key.pem'));
      const shake = () =>
        shakeHands({
          client,
          identity,
          environment: 'test',
          key,
          control: null,
          log: createLog(() => undefined),
          signal,
          onAttempt: async () => undefined,
        });
      const outcome = await shake();
      expect(await order('hosts')).toMatchObject([{ instanceId, state: 'alive', environment: 'test' }]);
      await order('tell', 'drain', '--instance', instanceId);
      const beat = {
        version: 1,
        timestamp: new Date().toISOString(),
        heartbeatNumber: 0,
        instanceId,
        totalMemoryKiB: 1,
        freeMemoryKiB: 1,
      } as const;
      const answer = await client.heartbeat('token' in outcome ? outcome.token : '', {
        ...beat,
        isDyingHeartbeat: false,
      });
      expect(answer).toMatchObject({ command: 'drain' });
      expect(await order('hosts')).toMatchObject([{ instanceId, state: 'draining', heartbeats: 1 }]);

      // The order stands over a crash of the host, until it is taken back.
      expect(await shake()).toEqual({ denied: 'ordered to drain: told so' });
      const stranger = 'i-0123456789abcdef0';
      expect(await order('tell', 'revoke', '--instance', stranger, '--reason', 'stolen')).toMatchObject([
        { isKnown: false },
      ]);
      expect(await order('orders')).toEqual([
        { instanceId, drain: 'told so', revoked: null, isKnown: true },
        { instanceId: stranger, drain: null, revoked: 'stolen', isKnown: false },
      ]);
      await order('tell', 'serve', '--instance', instanceId);
      await order('tell', 'trust', '--instance', stranger);
      expect(await order('orders')).toEqual([]);
      expect(await shake()).toHaveProperty('token');
      await order('tell', 'forget', '--instance', instanceId);
      expect(await order('hosts')).toEqual([]);
      await order('tell', 'resume');
      const bad = await cli(
        ['webserver', 'tell', 'drain', '--instance', instanceId, '--reason', '\u001b[2J'],
        environment,
      );
      expect(bad).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('the reason has control characters') });
      expect(await shake()).toHaveProperty('token');

      const isTerminated = async (): Promise<boolean> => {
        const { Reservations: [reservation] = [] } = await host().clients.ec2.send(
          new DescribeInstancesCommand({ InstanceIds: [instanceId] }),
        );
        return /shutting-down|terminated/.test(reservation?.Instances?.[0]?.State?.Name ?? '');
      };
      await expect.poll(isTerminated, { timeout: 60_000 }).toBe(true);
      // Said once EC2 has answered, which may be after others see it.
      await expect.poll(() => said.join(''), { timeout: 20_000 }).toContain(`${instanceId} was silent for 20 s`);
      expect(await order('hosts')).toEqual([]);
    } finally {
      run.kill('SIGINT');
      const { exitCode } = await run;
      expect(exitCode).toBe(0);
    }
    const away = await cli(['webserver', 'hosts'], environment);
    expect(away).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('No webserver runs here.') });
  });
}
