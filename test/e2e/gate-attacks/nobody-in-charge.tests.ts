import { describe, expect, test } from 'vitest';
import { AGENT_DOWN, expectDownSoonAfter, NOW, nextLife, said, until } from '../attacker.ts';
import { removeDropIn, setDropIn } from '../machine-edits.ts';
import { ERROR_503, host } from './attacked-host.ts';

describe('a host service without anybody in charge leaves no agent and no start', () => {
  const calm = async (): Promise<void> => {
    host.decide({ kind: 'grant' });
    await host.reach('serving');
    await until(host, 'systemctl is-active ecs');
  };

  test('when it is killed and cannot come back', async () => {
    host.decide(ERROR_503);
    await expectDownSoonAfter(host, 'sudo systemctl kill -s KILL ecs-host');
    host.decide({ kind: 'grant' });
    await nextLife(host);
    await calm();
  });

  test('when it is stopped (SIGSTOP)', async () => {
    await expectDownSoonAfter(host, 'sudo systemctl kill --kill-who=main -s STOP ecs-host');
    // It goes on by itself, with the grant that it has.
    await host.run('sudo systemctl kill --kill-who=main -s CONT ecs-host');
    await calm();
  });

  test('when it loops', async () => {
    // Through the inspector, which only root can open.
    const loop = `
      const [{ webSocketDebuggerUrl: url }] = await (await fetch("http://127.0.0.1:9229/json/list")).json();
      const socket = new WebSocket(url);
      await new Promise((resolve) => (socket.onopen = resolve));
      socket.send(JSON.stringify({ id: 1, method: "Runtime.evaluate", params: { expression: "for (;;);" } }));
      setTimeout(() => process.exit(), 300);`;
    await host.run('sudo systemctl kill --kill-who=main -s USR1 ecs-host');
    await expectDownSoonAfter(host, `/opt/ecs-host/bin/node --input-type=module -e '${loop}'`);
    await nextLife(host);
    await calm();
  });

  test('when it fails at each start', async () => {
    await setDropIn(host, 'broken', ['ExecStart=', 'ExecStart=/bin/false']);
    await expectDownSoonAfter(host, 'sudo systemctl kill -s KILL ecs-host');
    await removeDropIn(host, 'broken');
    await host.run('sudo systemctl restart ecs-host');
    await calm();
  });

  test('A8: when it is killed as soon as it is there, again and again', async () => {
    const found = await host.run(
      `sudo sh -c '
now() { ${NOW}; }
from=$(now)
while [ $(($(now) - from)) -lt 700 ]; do
  pid=$(systemctl show -p MainPID --value ecs-host); [ "$pid" = 0 ] || kill -KILL $pid 2>/dev/null
  [ $(($(now) - from)) -gt 300 ] || continue
  case $(systemctl is-active ecs) in inactive | failed) ;; *) echo agent ;; esac
  /opt/ecs-host/bin/ecs-host-gate check gate-open && echo open
  [ -e /run/ecs-host/gate-open ] && echo file
done; echo end'`,
    );
    expect(found).toBe('end');
    await calm();
  });
});

test('A16: a Docker that hangs is said within 30 s, and no tasks are taken until it answers', async () => {
  await host.run('sudo systemctl kill --kill-who=main -s STOP docker');
  try {
    await until(host, AGENT_DOWN, 30_000);
    expect(await said(host)).toContain('Docker is silent');
    expect(await host.state()).toMatchObject({ phase: 'docker' });
    expect((await host.try('sudo systemctl start ecs')).exitCode).not.toBe(0);
  } finally {
    await host.run('sudo systemctl kill --kill-who=main -s CONT docker');
  }
  await host.reach('serving');
  await until(host, 'systemctl is-active ecs');
});

test('A18: while Docker does not start the agent does not either', async () => {
  await host.run("echo '{' | sudo tee /etc/docker/daemon.json >/dev/null; sudo systemctl restart ecs-host");
  await host.reach('docker');
  await until(host, 'sudo journalctl -u ecs-host -n 20 -o cat | grep "Docker does not start"');
  expect((await host.try('sudo systemctl start ecs')).output).toMatch(/[Aa]ssertion/);
  await until(host, AGENT_DOWN);
  await host.run('sudo cp -a /var/tmp/etc/daemon.json /etc/docker/daemon.json');
  await host.reach('serving', 90_000);
});
