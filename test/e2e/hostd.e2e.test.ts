import { writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { DescribeContainerInstancesCommand, ListContainerInstancesCommand } from '@aws-sdk/client-ecs';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Ssh } from '../../src/host-access/ssh.ts';
import { openGate } from '../../src/smoke/checks/gate-checks.ts';
import type { SmokeWebserver } from '../../src/smoke/webserver.ts';
import { tellHost } from '../../webserver/control-client.ts';
import { type BootedHost, bakeImage, bootHost } from './booted-host.ts';
import { importTools } from './counted-containers.ts';
import { awsLeftovers, type LabHandle, startLabForTests } from './lab-handle.ts';
import { containerInstances, installFaketime, removeDropIn, setClock, setDropIn } from './machine-edits.ts';
import { describePowerOff } from './power-off.tests.ts';
import { storm } from './start-storm.ts';
import { describeWebserver } from './webserver-verb.tests.ts';

/**
 * The host service on a booted machine: everything that tries to walk around its gate, and every way to leave. One
 * machine, in the order of a host's life; each test starts where the one before it ended.
 */
let lab: LabHandle;
let host: BootedHost;
let image: Awaited<ReturnType<typeof bakeImage>>;

const DOWN = 'inactive inactive inactive inactive';
const AGENT_DOWN = 'active active active inactive';
const UP = 'active active active active';
/** Values that would do something if anything on the way did not quote. */
const HOSTILE = `{"team":"a b","cost":"$(touch /tmp/pwned)"} \`touch /tmp/pwned\` "quoted" 'single' #no comment`;

/** As the agent has to get it, with what systemd and a shell would make something of. */
const ATTRIBUTES = '{"stack":"prod", "owner":"team a/b"}';

/**
 * A host service of the user's own: here one that hands over to the project's. `ami.e2e.test.ts` has the other
 * case.
 */
const OWN_PROGRAM = '#!/bin/sh\nexec /opt/ecs-host/bin/node /opt/ecs-host/bin/ecs-hostd.mjs\n';

beforeAll(async () => {
  lab = await startLabForTests();
  const config = await lab.configWith((text) =>
    text.replace(/(description: Debian 12 without a GPU.*\n)/, '$1    hostService: { program: ./own-host-service }\n'),
  );
  await writeFile(join(dirname(config), 'own-host-service'), OWN_PROGRAM, { mode: 0o755 });
  image = await bakeImage(lab, ['--config', config]);
  host = await bootHost(lab, image, {
    ecs: { ECS_IMAGE_CLEANUP_NOTE: HOSTILE, ECS_INSTANCE_ATTRIBUTES: ATTRIBUTES },
  });
});
afterAll(async () => {
  try {
    await host?.[Symbol.asyncDispose]();
    expect(await awsLeftovers(lab)).toEqual([]);
  } finally {
    // Whatever happened: the next file's lab has the same network.
    await lab?.down();
  }
});

/** A spot interruption notice in the machine's metadata; null takes it back. */
async function interrupt(at: string | null): Promise<void> {
  const answer = await fetch(`${lab.endpoint}/_lab/interruptions`, {
    method: 'POST',
    body: JSON.stringify({ instanceId: host.instanceId, at }),
  });
  expect(answer.status).toBe(200);
}

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

/** As an operator does it who has not run into systemd's limit of three starts a minute. */
function docker(does: 'restart' | 'stop' | 'start') {
  return host.try(`sudo systemctl reset-failed docker.service docker.socket
    sudo systemctl ${does} ${does === 'restart' ? '' : 'docker.socket'} docker.service`);
}

async function expectShut(): Promise<void> {
  expect((await host.units()).replaceAll('failed', 'inactive')).toBe(DOWN);
}

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
    await importTools(host);
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

describe('leaving', () => {
  test('the webserver drains the host: ECS knows, and everything is down', async () => {
    await expect.poll(() => containerInstances(host), { timeout: 20_000 }).toEqual(['ACTIVE']);
    expect(await host.webserver.drain(host.instanceId, 'maintenance')).toBe(true);
    await host.reach('drained');
    await expectShut();
    expect(await containerInstances(host)).toEqual(['DRAINING']);
    expect((await host.try('sudo systemctl start docker')).exitCode).not.toBe(0);
    expect(await host.run('sudo journalctl -u ecs-host --no-pager -o cat')).toContain('ECS sends no more tasks');
  });

  test('its order holds over a new life, until an operator takes it back', async () => {
    await host.run('sudo systemctl restart ecs-host');
    await host.reach('drained');
    await expectShut();
    await host.takeBack();
    await host.reach('serving');
    expect(await containerInstances(host)).toEqual(['ACTIVE']);
  });

  test('a notice of EC2 does the same', async () => {
    await interrupt(new Date(Date.now() + 120_000).toISOString());
    await host.reach('drained');
    await expectShut();
    expect(await host.run('systemctl show -p StatusText --value ecs-host')).toContain('interruption notice');
  });

  test('after a reboot the gate is shut again; a revocation in service shuts it for good', {
    timeout: 180_000,
  }, async () => {
    host.decide({ kind: 'error', status: 503 });
    await host.try('sudo systemctl reboot').catch(() => undefined);
    await sleep(3000);
    await host.reconnect();
    await host.reach('handshake', 90_000);
    await expectShut();
    await interrupt(null);
    host.decide({ kind: 'grant' });
    await host.reach('serving', 90_000);
    await host.webserver.revoke(host.instanceId, 'stolen');
    await host.reach('revoked');
    await expectShut();
    // Its next life asks nobody.
    await host.run('sudo systemctl restart ecs-host');
    await expect.poll(async () => (await host.state())?.reachedAtUs.handshake, { timeout: 10_000 }).toBeUndefined();
    await host.reach('revoked');
    await expectShut();
  });
});

describePowerOff(
  () => lab,
  () => image,
);

describeWebserver(
  () => lab,
  () => host,
);
