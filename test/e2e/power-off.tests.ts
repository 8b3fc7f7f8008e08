import { DescribeInstancesCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BootedHost, type bakeImage, bootHost } from './booted-host.ts';
import type { LabHandle } from './lab-handle.ts';
import { editHostConfig } from './machine-edits.ts';

const TIMER = 'ecs-host-poweroff.timer';

async function isCounting(host: BootedHost): Promise<boolean> {
  return (await host.try(`systemctl is-active ${TIMER}`)).output === 'active';
}

async function expectEnded({ clients, instanceId }: BootedHost): Promise<void> {
  const stateOf = async (): Promise<string | undefined> => {
    const found = await clients.ec2.send(new DescribeInstancesCommand({ InstanceIds: [instanceId] }));
    return found.Reservations?.[0]?.Instances?.[0]?.State?.Name;
  };
  await expect.poll(stateOf, { timeout: 60_000, interval: 500 }).toBe('terminated');
}

/** Machines of their own: this is how they end. */
export function describePowerOff(lab: () => LabHandle, image: () => Awaited<ReturnType<typeof bakeImage>>): void {
  test('a host that was denied powers itself off after its time, and so ends', { timeout: 180_000 }, async () => {
    await using host = await bootHost(lab(), image(), { powerOffSeconds: 5 });
    await host.reach('handshake');
    host.decide({ kind: 'deny', reason: 'unknown' });
    await expectEnded(host);
  });

  describe('the countdown of a host that was told a final no', () => {
    let host: BootedHost;
    beforeAll(async () => {
      host = await bootHost(lab(), image(), { powerOffSeconds: 600 });
      await host.reach('handshake');
    });
    afterAll(() => host?.[Symbol.asyncDispose]());

    test('goes on over the death of the host service, which does not begin it anew', async () => {
      host.decide({ kind: 'deny', reason: 'unknown' });
      await host.reach('denied');
      await expect.poll(() => isCounting(host), { timeout: 10_000 }).toBe(true);
      const since = (): Promise<string> => host.run(`systemctl show -p ActiveEnterTimestampMonotonic --value ${TIMER}`);
      const began = await since();
      const pid = (): Promise<string> => host.run('systemctl show -p MainPID --value ecs-host');
      const before = await pid();
      await host.run('sudo systemctl kill -s KILL ecs-host');
      await expect.poll(async () => ['0', before].includes(await pid()), { timeout: 20_000 }).toBe(false);
      await host.reach('denied');
      expect(await isCounting(host)).toBe(true);
      expect(await since()).toBe(began);
    });

    test('is begun and ended by nobody who is not root, and its end not even by root', async () => {
      const asLogin = await host.try(`busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 \
        org.freedesktop.systemd1.Manager StartUnit ss ecs-host-poweroff.service replace`);
      expect(asLogin.exitCode).not.toBe(0);
      expect((await host.try(`systemctl --no-ask-password stop ${TIMER}`)).exitCode).not.toBe(0);
      const asRoot = await host.try('sudo systemctl start ecs-host-poweroff.service');
      expect(asRoot.output).toMatch(/requested by dependency only/);
      expect(await isCounting(host)).toBe(true);
    });

    test('is taken back by a reload, in whatever phase the service is', async () => {
      host.decide({ kind: 'error', status: 503 });
      await host.run('sudo systemctl restart ecs-host');
      await host.reach('handshake');
      expect(await isCounting(host)).toBe(true);
      await host.takeBack();
      expect(await isCounting(host)).toBe(false);
      await host.reach('handshake');
    });

    test('powers nothing off whose gate is open, whoever began it', async () => {
      host.decide({ kind: 'grant' });
      await host.reach('serving', 90_000);
      const now = '--on-active=1s --timer-property=AccuracySec=100ms';
      await host.run(`sudo systemd-run --quiet --unit=ecs-host-poweroff.service ${now}`);
      const journal = (): Promise<string> => host.run('sudo journalctl -u ecs-host-poweroff.service --no-pager -o cat');
      await expect.poll(journal, { timeout: 20_000 }).toContain('exec-condition');
      expect((await host.state())?.phase).toBe('serving');
    });

    test('ends a host that was revoked', { timeout: 120_000 }, async () => {
      await editHostConfig(host, { powerOffSeconds: 5 });
      await host.run('sudo systemctl restart ecs-host');
      await host.reach('serving');
      await host.webserver.revoke(host.instanceId, 'stolen');
      await expectEnded(host);
    });
  });
}
