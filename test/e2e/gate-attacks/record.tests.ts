import { describe, expect, test } from 'vitest';
import { AGENT_DOWN, CLIENTS, folderOf, nextLife, said, until } from '../attacker.ts';
import { COUNTED } from '../counted-containers.ts';
import { fillRun, makeRoom } from '../full-disk.ts';
import { host, lines } from './attacked-host.ts';

describe('the record', () => {
  test('A4: lines that are no starts, and entries that nobody made: put aside, and the service lives', async () => {
    const before = await host.reach('serving');
    const restarts = Number(await host.run('systemctl show -p NRestarts --value ecs-host'));
    await host.run(`sudo sh -c '
      cd /run/ecs-host/starts
      printf "{}\\nnull\\n{\\"n\\":\\"x\\"}\\n\\000\\001garbage\\n{\\"n\\":" >>record.ndjson
      cd new
      mkdir folder
      ln -s /etc/passwd link
      : >"a b"
      mkfifo pipe
      : >..x'`);
    await nextLife(host);
    await host.reach('serving');
    await host.run(`docker run --rm ${COUNTED}`);
    await expect
      .poll(async () => (await host.state())?.containersSeen, { timeout: 5000 })
      .toBe(before.containersSeen + 1);
    await until(host, '[ "$(sudo ls -A /run/ecs-host/starts/new | wc -l)" = 0 ]');
    expect(Number(await host.run('systemctl show -p NRestarts --value ecs-host'))).toBe(restarts + 1);
    expect(await host.run('sudo cat /run/ecs-host/starts/record.damaged')).toContain('{}');
    expect(await said(host)).toContain('has a line that is no start');
    expect(await host.run('cat /etc/passwd')).toContain('root:');
    // The next life finds its own lines only.
    await host.run('sudo sed -i \'/"n":[0-9]*,"id"/!d\' /run/ecs-host/starts/record.ndjson');
  });

  test('A6: three containers that are gone before anybody could look, with a folder on a full disk', async () => {
    const folder = await folderOf(host, 'full');
    await host.run(
      `sudo mount -t tmpfs -o size=4k tmpfs ${folder}; sudo sh -c 'cat /dev/zero >${folder}/filler' || true`,
    );
    const before = await host.reach('serving');
    for (let i = 0; i < 3; i += 1) await host.run(`docker run --rm --name full ${COUNTED}`);
    await expect
      .poll(async () => (await host.state())?.containersSeen, { timeout: 5000 })
      .toBe(before.containersSeen + 3);
    await host.run(`sudo umount ${folder}`);
  });

  test('a full /run: no container starts, and then they do again', async () => {
    await fillRun(host);
    try {
      await until(host, `! docker run --rm ${COUNTED}`);
      // Long enough for the leases, which cannot be renewed: the agent goes, too.
      await until(host, AGENT_DOWN);
      const before = await lines();
      expect((await host.try(`docker run --rm ${COUNTED}`)).exitCode).not.toBe(0);
      expect(await lines()).toBe(before);
    } finally {
      await makeRoom(host);
    }
    await until(host, `docker run --rm ${COUNTED}`);
    await host.reach('serving');
    await until(host, 'systemctl is-active ecs');
  });
});

test.each(CLIENTS)('with the gate open, `%s` starts a container, and it is on the record', async (_, command) => {
  const { containersSeen } = await host.reach('serving');
  await host.run(command);
  await expect.poll(async () => (await host.state())?.containersSeen, { timeout: 5000 }).toBe(containersSeen + 1);
});
