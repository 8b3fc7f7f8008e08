import { beforeAll, describe, expect, test } from 'vitest';
import { importTools } from '../counted-containers.ts';
import { installFaketime, removeDropIn, setClock } from '../machine-edits.ts';
import { storm } from '../start-storm.ts';
import { AGENT_DOWN, host, UP } from './the-host.ts';

describe('in trouble', () => {
  beforeAll(() => importTools(host));

  test('the image finds in order what it says of its agent and its Docker', async () => {
    const { output: said } = await host.try(
      'sudo /opt/ecs-host/bin/node /opt/ecs-host/provisioners/main.mjs verify --stage booted',
      120_000,
    );
    for (const id of ['images-cleaned', 'volume-plugin', 'final', 'defaults'])
      expect(said).toMatch(new RegExp(`"id":"ecs-agent.${id}"[^\n]*"verdict":"correct"`));
    expect(said).toMatch(/"id":"docker.daemon-json"[^\n]*"verdict":"correct"/);
  });

  test('a folder on another file system is refused, and said', async () => {
    const own = '/var/lib/ecs-host/containers/elsewhere';
    await host.run(`sudo mkdir -p ${own}
      sudo mount -t tmpfs tmpfs ${own}
      docker run --detach --name elsewhere tools /bin/sleep 60`);
    await expect
      .poll(() => host.run('sudo journalctl -u ecs-host --no-pager -o cat'), { timeout: 10_000 })
      .toContain('container elsewhere: its folder is on another file system');
    expect((await host.try(`test -e ${own}/.ready`)).exitCode).toBe(1);
    await host.run(`docker rm --force elsewhere >/dev/null; sudo umount ${own}`);
  });

  test('a disk that is full: the container is made ready once there is room', async () => {
    const folder = '/var/lib/ecs-host';
    const own = `${folder}/containers/full`;
    // Seen by the next life, which has a view of the disk of its own.
    await host.run(`sudo mount -t tmpfs -o size=256k tmpfs ${folder}; sudo systemctl kill -s KILL ecs-host; sleep 1`);
    await host.reach('serving');
    await host.run(`sudo mkdir -p ${own}
      sudo sh -c 'cat /dev/zero >${folder}/filler' 2>/dev/null
      docker run --detach --name full tools /bin/sleep 60`);
    const said = (): Promise<string> =>
      host.run('sudo journalctl -u ecs-host --no-pager -o cat | grep -c "full: ENOSPC" || true');
    await expect.poll(said, { timeout: 10_000 }).toBe('1');
    expect((await host.try(`test -e ${own}/.ready`)).exitCode).toBe(1);
    await host.run(`sudo rm ${folder}/filler`);
    await expect.poll(async () => (await host.try(`test -e ${own}/.ready`)).exitCode, { timeout: 25_000 }).toBe(0);
    expect(await said()).toBe('1');
    await host.run(
      `docker rm --force full >/dev/null; sudo umount --lazy ${folder}; sudo systemctl kill -s KILL ecs-host; sleep 1`,
    );
    await host.reach('serving');
  });

  test('a clock that jumps by a day, forward and back', { timeout: 120_000 }, async () => {
    await installFaketime(host);
    await setClock(host, '+0');
    await host.run('sudo systemctl restart ecs-host');
    await host.reach('serving');
    try {
      for (const jump of ['+86400', '-86400']) {
        const { containersSeen: before } = await host.reach('serving');
        await host.run(`echo ${jump} | sudo tee /etc/faketimerc >/dev/null; sleep 1; docker run --rm tools`);
        await expect.poll(async () => (await host.state())?.containersSeen, { timeout: 10_000 }).toBe(before + 1);
        expect(await host.state()).toMatchObject({ phase: 'serving', gate: 'open' });
        expect(await host.units()).toBe(UP);
      }
    } finally {
      await removeDropIn(host, 'clock');
      await host.run('sudo systemctl restart ecs-host');
    }
    await host.reach('serving');
  });

  test('a crash of the host service shuts the gate until the second handshake; running containers go on', async () => {
    host.decide({ kind: 'error', status: 503 });
    await host.run('sudo systemctl kill -s KILL ecs-host');
    await expect.poll(() => host.units(), { timeout: 15_000 }).toBe(AGENT_DOWN);
    expect((await host.try('sudo systemctl start ecs')).exitCode).not.toBe(0);
    expect(await host.try('docker run --rm tools')).toMatchObject({
      exitCode: 125,
      output: expect.stringContaining('ecs-host: the gate of this host is shut: no container starts'),
    });
    // Now dockerd, too, while a client knocks without a pause: the gate holds, and nothing of that is in the way once
    // it is open.
    await host.run(`sudo systemd-run --quiet --unit=knocking sh -c "while :; do docker ps; done"
      sudo pkill -KILL -x dockerd
      sleep 2`);
    expect(await host.run('systemctl is-active docker.service || true')).toMatch(/^(inactive|failed)$/);
    host.decide({ kind: 'grant' });
    await host.reach('serving');
    expect(await host.units()).toBe(UP);
    await host.run('sudo systemctl stop knocking; docker ps');
  });
});

test('each of 100 container starts is on the record, whoever is killed and while the webserver is away', {
  timeout: 300_000,
}, async () => {
  // `bench/starts.ts` does the same with ten thousand, and with full disks.
  const size = { starts: 100, serviceKills: 4, dockerdKills: 1, containerdKills: 1, fullMs: 0 };
  const found = await storm(host, size);
  expect(found).toMatchObject({
    missed: 0,
    twice: 0,
    unexplained: 0,
    serviceKills: 4,
    dockerdKills: 1,
    containerdKills: 1,
    wrong: [],
  });
  expect(found.counted).toBeGreaterThanOrEqual(100);
});
