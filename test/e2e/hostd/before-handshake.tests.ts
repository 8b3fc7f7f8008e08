import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { containerInstances, removeDropIn, setDropIn } from '../machine-edits.ts';
import { expectShut, HOSTILE, host } from './the-host.ts';

test('the unit runs the program that hosts.yaml names', async () => {
  expect(await host.run('systemctl show -p ExecStart --value ecs-host')).toContain(
    'path=/opt/ecs-host/bin/host-service ;',
  );
});

test('user data with hostile values arrives as it was written, and starts nothing', async () => {
  await host.reach('handshake');
  // What systemd gives the agent, read from a unit with the same file.
  const read = await host.run(
    'sudo systemd-run --quiet --pipe --wait -p EnvironmentFile=/etc/ecs/ecs.config printenv ECS_IMAGE_CLEANUP_NOTE',
  );
  expect(read).toBe(HOSTILE);
  // Amazon's ecs-init takes what stands behind `=` as it is.
  expect(await host.run("sed -n 's/^ECS_IMAGE_CLEANUP_NOTE=//p' /etc/ecs/ecs.config")).toBe(HOSTILE);
  expect((await host.try('ls /tmp/pwned')).exitCode).not.toBe(0);
  await expectShut();
});

describe('before the handshake the gate is not opened by', () => {
  test.each(['docker.service', 'docker.socket', 'containerd.service', 'ecs.service'])(
    'systemctl start %s, which fails and says why',
    async (unit) => {
      const { exitCode, output } = await host.try(`sudo systemctl start ${unit}`);
      expect(exitCode).not.toBe(0);
      expect(output).toMatch(/[Aa]ssertion|dependency job/);
      await expectShut();
    },
  );

  test('a docker client', async () => {
    expect((await host.try('docker ps')).exitCode).not.toBe(0);
    await expectShut();
  });

  test('a unit that wants all of them', async () => {
    await host.run(`sudo tee /etc/systemd/system/wanting.service >/dev/null <<'EOS'
[Unit]
Wants=docker.service docker.socket containerd.service ecs.service
[Service]
Type=oneshot
ExecStart=/bin/true
EOS
sudo systemctl daemon-reload
sudo systemctl start wanting.service`);
    await expectShut();
  });

  test('an upgrade in place of the packages', { timeout: 180_000 }, async () => {
    await host.run(
      `sudo apt-get -qq update &&
        sudo DEBIAN_FRONTEND=noninteractive apt-get -qqy install --reinstall docker.io containerd runc`,
      150_000,
    );
    await expectShut();
    await host.try('sudo dpkg-reconfigure -f noninteractive amazon-ecs-init ecs-agent-lab-stand-in 2>&1');
    await expectShut();
    const enabled = 'systemctl is-enabled docker.service docker.socket containerd.service ecs.service || true';
    expect(await host.run(enabled)).toBe('disabled\ndisabled\ndisabled\ndisabled');
    expect(
      await host.run(
        'cmp /usr/sbin/runc /opt/ecs-host/bin/ecs-host-witness && file=$(dpkg -S runc.distrib) && echo "$file"',
      ),
    ).toContain('runc');
  });

  test('a host service that is killed and comes back', async () => {
    const before = await host.run('systemctl show -p MainPID --value ecs-host');
    await host.run('sudo systemctl kill -s KILL ecs-host');
    const now = (): Promise<string> => host.run('systemctl show -p MainPID --value ecs-host');
    for (let tries = 0; ['0', before].includes(await now()); tries += 1) {
      if (tries > 50) throw new Error('it did not come back');
      await sleep(200);
    }
    await host.reach('handshake');
    await expectShut();
  });

  test('a host service that hangs: the watchdog ends it, and its next life asks anew', {
    timeout: 60_000,
  }, async () => {
    await setDropIn(host, 'fast', ['WatchdogSec=3s']);
    await host.run('sudo systemctl restart ecs-host');
    await host.reach('handshake');
    const before = await host.run('systemctl show -p NRestarts --value ecs-host');
    await host.run('sudo kill -STOP $(systemctl show -p MainPID --value ecs-host)');
    await expect
      .poll(() => host.run('systemctl show -p NRestarts --value ecs-host'), { timeout: 30_000 })
      .not.toBe(before);
    await host.reach('handshake');
    await expectShut();
    await removeDropIn(host, 'fast');
    await host.run('sudo systemctl restart ecs-host');
    await host.reach('handshake');
  });

  test('a denial, which is final until it is told to ask again', async () => {
    host.decide({ kind: 'deny', reason: 'not today' });
    await host.reach('denied');
    await expectShut();
    expect((await host.try('sudo systemctl start docker')).exitCode).not.toBe(0);
    expect(await host.run('systemctl show -p StatusText --value ecs-host')).toContain('denied: not today');
    expect(await containerInstances(host)).toEqual([]);
  });
});
