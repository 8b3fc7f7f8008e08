import { describe, expect, test } from 'vitest';
import { nextLife, until } from '../attacker.ts';
import { COUNTED } from '../counted-containers.ts';
import { editHostConfig, installFaketime, putFile, removeDropIn, setClock } from '../machine-edits.ts';
import { controlStatus, host, serveAgain } from './attacked-host.ts';

test('A7: a reason that speaks to systemd is a reason', async () => {
  const sshd = await host.run('systemctl show -p MainPID --value ssh');
  host.decide({ kind: 'deny', reason: `no\rMAINPID=${sshd}\r\u001b[31m` });
  await nextLife(host);
  await until(
    host,
    `grep -qE "denied|not of the protocol" /run/ecs-host/state.json ||
      sudo journalctl -u ecs-host -n 5 -o cat | grep "not of the protocol"`,
  );
  const [main, actual] = (
    await host.run(`systemctl show -p MainPID --value ecs-host
      systemctl show -p ExecMainPID --value ecs-host
      pgrep --parent 1 --full ecs-hostd.mjs`)
  ).split('\n');
  expect(main).toBe(actual);
  expect(main).not.toBe(sshd);
  const shown = await host.run(
    'systemctl show -p StatusText --value ecs-host; cat /run/ecs-host/state.json; ecs-host-status || true',
  );
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there.
  expect(shown).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]/);
  await serveAgain();
});

describe('A13: the control port', () => {
  test('answers the webserver while a thousand strangers hold connections', async () => {
    const hold = `import socket, time
held = []
until = time.time() + 30
while time.time() < until:
    while len(held) < 1000:
        try:
            held.append(socket.create_connection(("$HOST", 4678), 1))
        except OSError:
            break
    alive = []
    for each in held:
        each.setblocking(False)
        try:
            if each.recv(1): alive.append(each)
        except BlockingIOError:
            alive.append(each)
        except OSError:
            pass
    held = alive
    time.sleep(0.05)
`.replace('$HOST', host.address);
    await putFile(host, '/var/tmp/hold.py', hold);
    await host.run(`sudo systemd-run --quiet --collect --unit=strangers -p LimitNOFILE=4096 python3 /var/tmp/hold.py
      sleep 1`);
    try {
      const answers: number[] = [];
      for (let i = 0; i < 10; i += 1) answers.push(await controlStatus());
      expect(answers).toEqual(Array(10).fill(200));
    } finally {
      await host.run('sudo systemctl stop strangers');
    }
  });

  test('is not reached by containers', async () => {
    await host.run(`docker run --detach --name inside ${COUNTED} /bin/sleep 60 >/dev/null`);
    const reach = (address: string): Promise<{ exitCode: number; output: string }> =>
      host.try(`pid=$(docker inspect --format "{{.State.Pid}}" inside)
        sudo nsenter --net --target $pid python3 -c '
import socket
socket.create_connection(("${address}", 4678), 1)'`);
    try {
      expect((await reach('172.17.0.1')).exitCode).not.toBe(0);
      expect((await reach(host.address)).exitCode).not.toBe(0);
    } finally {
      await host.run('docker rm --force inside >/dev/null');
    }
  });
});

test("A15: `webserverCa: null` is the system's trust store", async () => {
  const ca = '/usr/local/share/ca-certificates/webserver.crt';
  await putFile(host, ca, host.webserverCa);
  await editHostConfig(host, { webserverCa: null });
  await nextLife(host);
  await until(host, 'sudo journalctl -u ecs-host -n 5 -o cat | grep certificate');
  await host.run('sudo update-ca-certificates >/dev/null 2>&1');
  await nextLife(host);
  try {
    await host.reach('serving', 15_000);
  } finally {
    await host.run(`sudo cp -a /var/tmp/etc/host.json /etc/ecs-host/host.json
      sudo rm ${ca}
      sudo update-ca-certificates --fresh >/dev/null 2>&1`);
    await nextLife(host);
  }
  await host.reach('serving');
});

test.each(['+300', '-300'])('A14: a clock that is %s s off', { timeout: 120_000 }, async (offset) => {
  await installFaketime(host);
  await setClock(host, offset);
  await nextLife(host);
  try {
    await host.reach('serving', 20_000);
    expect(await controlStatus()).toBe(200);
  } finally {
    await removeDropIn(host, 'clock');
    await nextLife(host);
  }
  await host.reach('serving');
});
