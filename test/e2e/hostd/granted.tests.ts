import { request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { DescribeContainerInstancesCommand, ListContainerInstancesCommand } from '@aws-sdk/client-ecs';
import { describe, expect, test } from 'vitest';
import { tellHost } from '../../../webserver/control-client.ts';
import { containerInstances } from '../machine-edits.ts';
import { host, UP } from './the-host.ts';

describe('in service', () => {
  test('a granted handshake brings everything up', async () => {
    host.decide({ kind: 'grant' });
    await host.run('sudo systemctl reload ecs-host');
    await host.reach('serving');
    expect(await host.units()).toBe(UP);
    await expect.poll(() => containerInstances(host), { timeout: 20_000 }).toEqual(['ACTIVE']);
    const { containerInstanceArns = [] } = await host.clients.ecs.send(
      new ListContainerInstancesCommand({ cluster: host.cluster }),
    );
    const { containerInstances: found = [] } = await host.clients.ecs.send(
      new DescribeContainerInstancesCommand({ cluster: host.cluster, containerInstances: containerInstanceArns }),
    );
    const attributes = found[0]?.attributes?.map(({ name, value }) => `${name}=${value}`) ?? [];
    expect(attributes).toEqual(expect.arrayContaining(['stack=prod', 'owner=team a/b']));
    // What the image says that it cannot do.
    expect(attributes.join()).not.toContain('efsAuth');
    expect(await host.run('ecs-host-status')).toContain('serving');
    expect(JSON.parse(await host.run('ecs-host-status --json'))).toMatchObject({ phase: 'serving', gate: 'open' });
  });

  test('the unit is well shielded, feeds its watchdog, and shows no secret', async () => {
    const exposure = /: ([\d.]+) /.exec(await host.run('systemd-analyze security --no-pager ecs-host | tail -1'))?.[1];
    expect(Number(exposure)).toBeLessThanOrEqual(3);
    expect(await host.run('systemctl show -p WatchdogTimestampMonotonic --value ecs-host')).not.toBe('0');
    const control = host.webserver.hosts.controlOf(host.instanceId);
    const secret = control?.port.token ?? 'none';
    const seen = await host.run(`
      sudo journalctl --no-pager -o cat
      ps -eww -o args
      sudo sh -c "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"
      sudo grep -rIl . /run/ecs-host /etc/ecs-host /var/lib/ecs-host | xargs sudo cat`);
    expect(seen.includes(secret)).toBe(false);
  });

  test('the control port takes orders of the webserver only, and strangers cannot hold it up', async () => {
    const control = host.webserver.hosts.controlOf(host.instanceId);
    if (!control) throw new Error('the host told of no control port');
    const wrong = { ...control.port, token: 'A'.repeat(43) };
    await expect(tellHost(host.address, wrong, 'revoke', 'not me')).rejects.toThrow('HTTP 401');
    // Whoever speaks slowly, or not at all.
    const idle = Array.from({ length: 10 }, () =>
      connect({ host: host.address, port: 4678, rejectUnauthorized: false }, function (this: unknown) {
        (this as { write(text: string): void }).write('POST /v1/revoke HTTP/1.1\r\nHost: x\r\n');
      }).on('error', () => undefined),
    );
    await sleep(500);
    const status = await new Promise<number>((resolve, reject) => {
      request(
        {
          host: host.address,
          port: 4678,
          path: '/v1/status',
          agent: false,
          ca: control.port.certificate,
          checkServerIdentity: () => undefined,
          headers: { Authorization: `Bearer ${control.port.token}` },
        },
        (answer) => {
          answer.resume();
          resolve(answer.statusCode ?? 0);
        },
      )
        .on('error', reject)
        .end();
    });
    expect(status).toBe(200);
    for (const socket of idle) socket.destroy();
    expect((await host.state())?.phase).toBe('serving');
  });
});
