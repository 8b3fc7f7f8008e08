import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Ssh } from '../../../src/host-access/ssh.ts';
import { openGate } from '../../../src/smoke/checks/gate-checks.ts';
import type { SmokeWebserver } from '../../../src/smoke/webserver.ts';
import type { BootedHost } from '../booted-host.ts';
import { AGENT_DOWN, docker, host, UP } from './the-host.ts';

/** What a smoke test knows of the host. */
function sshOf({ instanceId, try: run }: BootedHost): Ssh {
  const ask = async (command: string) => {
    const { exitCode, output } = await run(command);
    return { exitCode, stdout: output, stderr: '', durationMs: 0 };
  };
  return { target: { instanceId }, run: ask } as unknown as Ssh;
}
function webserverOf({ decide }: BootedHost): SmokeWebserver {
  return { decide: () => decide({ kind: 'grant' }) } as unknown as SmokeWebserver;
}

describe('while it serves', () => {
  test('a dockerd that is killed, and an agent that is killed, come back; the gate stays open', async () => {
    await host.run('sudo pkill -KILL -x dockerd; sudo systemctl kill -s KILL ecs');
    await expect.poll(() => host.units(), { timeout: 30_000 }).toBe(UP);
    await expect
      .poll(() => host.run(`sudo journalctl -u ecs-host --no-pager -o cat | grep -c "Docker's events are followed"`), {
        timeout: 10_000,
      })
      .toBe('2');
    expect(await host.state()).toMatchObject({ phase: 'serving', gate: 'open' });
  });

  test('a Docker that is restarted, or stopped and started, brings the agent back', async () => {
    const pid = (): Promise<string> => host.run('systemctl show -p MainPID --value ecs');
    const before = await pid();
    await docker('restart');
    await expect.poll(() => host.units(), { timeout: 30_000 }).toBe(UP);
    expect(await pid()).not.toBe(before);
    await docker('stop');
    await expect
      .poll(() => host.run('systemctl is-active ecs || true'), { timeout: 10_000 })
      .toMatch(/inactive|failed/);
    await docker('start');
    await expect.poll(() => host.units(), { timeout: 30_000 }).toBe(UP);
    await host.reach('serving');
  });

  test('a Docker that is restarted while nobody has granted starts neither itself nor the agent', async () => {
    onTestFinished(() => host.decide({ kind: 'grant' }));
    host.decide({ kind: 'error', status: 503 });
    await host.run('sudo systemctl kill -s KILL ecs-host');
    await expect.poll(() => host.units(), { timeout: 15_000 }).toBe(AGENT_DOWN);
    expect((await docker('restart')).exitCode).not.toBe(0);
    await host.try('sudo systemctl try-restart ecs');
    await sleep(2000);
    expect(await host.run('systemctl is-active docker.service ecs.service || true')).toMatch(
      /^(in\w+|failed)\n(inactive|failed)$/,
    );
    host.decide({ kind: 'grant' });
    await host.reach('serving');
    expect(await host.units()).toBe(UP);
  });

  test('a Docker that fails again and again is not waited for', { timeout: 180_000 }, async () => {
    onTestFinished(async () => {
      await host.run(
        'sudo mv /etc/docker/daemon.json.kept /etc/docker/daemon.json; sudo systemctl reset-failed docker',
      );
      host.decide({ kind: 'grant' });
      await host.reach('serving', 120_000);
    });
    host.decide({ kind: 'error', status: 503 });
    await host.run('sudo systemctl kill -s KILL ecs-host');
    await expect.poll(() => host.units(), { timeout: 15_000 }).toBe(AGENT_DOWN);
    await host.run(`sudo systemctl stop docker.socket docker containerd
      sudo mv /etc/docker/daemon.json /etc/docker/daemon.json.kept
      echo '{"hosts": 4}' | sudo tee /etc/docker/daemon.json >/dev/null`);
    const opening = openGate(sshOf(host), webserverOf(host), {
      isRetriedNow: true,
      serveMs: 120_000,
      signal: new AbortController().signal,
    });
    const said = { code: 'SMOKE_DOCKER', output: expect.stringContaining('daemon.json') };
    await expect(opening).rejects.toMatchObject(said);
    expect(await host.state()).toMatchObject({ phase: 'docker' });
  });

  test('an agent that gives up (exit code 5) is not started again by systemd, by Docker, or unnoticed', {
    timeout: 180_000,
  }, async () => {
    const shown = (): Promise<string> =>
      host.run('systemctl show -p ActiveState,ExecMainStatus,NRestarts --value ecs | paste -sd " "');
    const setCluster = (name: string): Promise<string> =>
      host.run(`sudo sed -i 's/^ECS_CLUSTER=.*/ECS_CLUSTER=${name}/' /etc/ecs/ecs.config; sudo systemctl restart ecs`);
    // Whatever becomes of this test, the next ones need an agent.
    onTestFinished(async () => {
      await setCluster(host.cluster).catch(() => undefined);
      await host.reach('serving');
    });
    await setCluster('elsewhere');
    await expect.poll(shown, { timeout: 20_000 }).toContain('failed');
    const given = await shown();
    expect(given).toContain('5');
    // The unit's own pause is 10 s.
    await sleep(12_000);
    expect(await shown()).toBe(given);
    await docker('restart');
    await sleep(3000);
    expect(await shown()).toBe(given);
    const opening = openGate(sshOf(host), webserverOf(host), {
      isRetriedNow: true,
      serveMs: 60_000,
      signal: new AbortController().signal,
    });
    await expect(opening).rejects.toThrow('gave up before it registered');
    const journal = (): Promise<string> => host.run('sudo journalctl -u ecs-host --no-pager -o cat');
    await expect.poll(journal, { timeout: 40_000 }).toContain('ecs.service gave up');
  });
});
