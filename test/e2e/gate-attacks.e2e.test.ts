import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { DescribeContainerInstancesCommand, ListContainerInstancesCommand } from '@aws-sdk/client-ecs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { shakeHands } from '../../hostd/handshake.ts';
import { loadHostKey } from '../../hostd/host-key.ts';
import { createLog } from '../../hostd/log.ts';
import { createWebserverClient } from '../../hostd/webserver-client.ts';
import {
  AGENT_DOWN,
  CLIENTS,
  expectDownSoonAfter,
  folderOf,
  GATE_SHUT,
  NOW,
  nextLife,
  prepareClients,
  said,
  until,
} from './attacker.ts';
import { type BootedHost, bakeImage, bootHost } from './booted-host.ts';
import { COUNTED, countedStarts, importTools, recordedStarts } from './counted-containers.ts';
import { fillRun, makeRoom } from './full-disk.ts';
import { awsLeftovers, type LabHandle, startLabForTests } from './lab-handle.ts';
import { prepareRoot } from './revocation-storm.ts';
import { identityOf } from './webserver-verb.ts';

/**
 * Attacks on the gate, the host service and the protocol that once broke a promise, each as it was done, and what must hold against it. A1 to A19 are
 * their numbers in the report on them. One machine; each test leaves it serving.
 */
let lab: LabHandle;
let host: BootedHost;

const TASK = '--label com.amazonaws.ecs.task-arn=a-task';
const UP = 'active active active active';
const ERROR_503 = { kind: 'error', status: 503 } as const;

beforeAll(async () => {
  lab = await startLabForTests();
  host = await bootHost(lab, await bakeImage(lab));
  host.decide({ kind: 'grant' });
  await host.reach('serving');
  await importTools(host);
  await prepareRoot(host);
  await prepareClients(host);
  await host.run('mkdir /var/tmp/etc; sudo cp -a /etc/docker/daemon.json /etc/ecs-host/host.json /var/tmp/etc/');
});
/** What a test that failed has left, so that the next ones tell of their own attacks. */
async function mend(): Promise<void> {
  host.decide({ kind: 'grant' });
  await fault(null);
  await makeRoom(host);
  await host.try(
    `sudo sh -c 'for unit in ecs-host docker containerd; do systemctl kill --kill-who=main -s CONT $unit; done; systemctl stop hammer strangers; rm -rf /run/systemd/system/ecs-host.service.d /run/ecs-host/order.json /var/lib/ecs-host/order.json; cp -a /var/tmp/etc/daemon.json /etc/docker/; cp -a /var/tmp/etc/host.json /etc/ecs-host/; systemctl daemon-reload; docker ps --quiet | xargs --no-run-if-empty docker kill; docker rm --force task; systemctl restart ecs-host'`,
  );
  await host.takeBack();
  await host.reach('serving');
}
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') await mend();
});

afterAll(async () => {
  try {
    await host?.[Symbol.asyncDispose]();
    expect(await awsLeftovers(lab)).toEqual([]);
  } finally {
    await lab?.down();
  }
});

async function lines(): Promise<number> {
  return (await countedStarts(host)).length;
}

async function serveAgain(): Promise<void> {
  host.decide({ kind: 'grant' });
  await host.takeBack();
  await host.reach('serving');
  await host.try('docker rm --force task');
}

/** Whether Docker runs or not. */
async function expectNoStart(): Promise<void> {
  expect((await host.try('/opt/ecs-host/bin/ecs-host-gate check gate-open')).exitCode).toBe(1);
  expect((await host.try('sudo ls -la /run/ecs-host/gate-open')).exitCode).not.toBe(0);
  const before = await lines();
  expect((await host.try(`docker run --rm ${COUNTED}`)).exitCode).not.toBe(0);
  expect(await lines()).toBe(before);
}

async function expectShut(): Promise<void> {
  await until(host, AGENT_DOWN);
  expect((await host.try('sudo systemctl start ecs')).exitCode).not.toBe(0);
  await expectNoStart();
}

/** As the service is told with user data; read in its next life. */
async function setDrainSeconds(seconds: number): Promise<void> {
  await host.run(
    `sudo python3 -c 'import json; path = "/etc/ecs-host/host.json"; c = json.load(open(path)); c["drainSeconds"] = ${seconds}; json.dump(c, open(path, "w"))'`,
  );
  await nextLife(host);
  await host.reach('serving');
}

async function statusInEcs(): Promise<string | undefined> {
  const { containerInstanceArns = [] } = await host.clients.ecs.send(
    new ListContainerInstancesCommand({ cluster: host.cluster }),
  );
  const { containerInstances = [] } = await host.clients.ecs.send(
    new DescribeContainerInstancesCommand({ cluster: host.cluster, containerInstances: containerInstanceArns }),
  );
  return containerInstances[0]?.status;
}

/** Spoils calls of the AWS API until that is taken back. */
async function fault(action: string | null): Promise<void> {
  const answer =
    action === null
      ? await fetch(`${lab.endpoint}/_lab/faults`, { method: 'DELETE' })
      : await fetch(`${lab.endpoint}/_lab/faults`, {
          method: 'POST',
          body: JSON.stringify({ action, code: 'ServerException', times: 1000, httpStatus: 500 }),
        });
  expect(answer.ok).toBe(true);
}

function isRegular(path: string): Promise<number> {
  return host.try(`test -f ${path} && test ! -L ${path}`).then(({ exitCode }) => exitCode);
}

const NAMES = ['ports.json', 'tty', '.ready'] as const;

/** In a container's shell, in its own folder. */
function plantAll(make: (name: string) => string): string {
  return NAMES.flatMap((name) => [name, `${name}.partial`])
    .map((name) => `rm -rf /x/${name}; ${make(`/x/${name}`)}`)
    .join('; ');
}

describe('in its own folder a container plants', () => {
  test('A1: links to the gate and named pipes, and its host is revoked: the gate stays shut', async () => {
    const folder = await folderOf(host, 'a1');
    const plant = plantAll((path) =>
      path.includes('.ready') ? `ln -s /run/ecs-host/gate-open ${path}` : `mkfifo ${path}`,
    );
    await host.run(
      `docker run --detach --name a1 ${TASK} --volume ${folder}:/x ${COUNTED} /bin/sh -c '${plant}; cat /x/ports.json.partial; while :; do ${plant}; sleep 0.2; done' >/dev/null; docker restart --time 0 a1 >/dev/null`,
    );
    await host.webserver.revoke(host.instanceId, 'stolen');
    await until(host, GATE_SHUT);
    await until(host, AGENT_DOWN);
    // Now somebody reads the pipe, which was what the service wrote on for.
    await host.run(`timeout 1 cat ${folder}/ports.json.partial || true; timeout 1 cat ${folder}/ports.json || true`);
    await host.reach('revoked');
    await expectShut();
    await serveAgain();
    await host.run('docker rm --force a1 >/dev/null');
  });

  test('A1: a link, as the owner of a folder that is mounted read-only: nothing is made as root', async () => {
    const folder = await folderOf(host, 'owner');
    await host.run(
      `for name in ${NAMES.join(' ')}; do ln -s /run/ecs-host/gate-two ${folder}/$name; ln -s /run/ecs-host/gate-two ${folder}/$name.partial; done; docker run --detach --name owner --cap-drop ALL --volume ${folder}:/x:ro ${COUNTED} /bin/sleep 60`,
    );
    await until(host, `test -f ${folder}/.ready && test ! -L ${folder}/.ready`);
    expect((await host.try('sudo ls /run/ecs-host/gate-two')).exitCode).not.toBe(0);
    expect(await isRegular(`${folder}/tty`)).toBe(0);
    await host.run('docker rm --force owner >/dev/null');
  });

  test.each([
    ['a link', 'ln -s /run/ecs-host/gate-two', true],
    ['a named pipe', 'mkfifo', true],
    ['a folder', 'mkdir -p', false],
    ['a folder with something in it', 'mkdir -p /x/.ready/in', false],
  ])('%s under each name: it is replaced, or refused and said', async (_, make, isReplaced) => {
    const name = `planted-${randomUUID().slice(0, 8)}`;
    const folder = await folderOf(host, name);
    await host.run(`cd ${folder}; for name in ${NAMES.join(' ')}; do ${make.replace('/x', '.')} $name; done`);
    await host.run(`docker run --detach --name ${name} --volume ${folder}:/x ${COUNTED} /bin/sleep 60 >/dev/null`);
    if (isReplaced) await until(host, `test -f ${folder}/.ready && test ! -L ${folder}/.ready`);
    else
      await expect
        .poll(() => said(host), { timeout: 5000 })
        .toMatch(new RegExp(`container ${name}: E(ISDIR|NOTEMPTY)`));
    expect((await host.try('sudo ls /run/ecs-host/gate-two')).exitCode).not.toBe(0);
    await host.run(`docker rm --force ${name} >/dev/null`);
  });

  test('A2: named pipes, four of them: others are made ready, each start is known, and a revocation counts', async () => {
    const before = await lines();
    const plant = plantAll((path) => `mkfifo ${path}`);
    for (const name of ['p1', 'p2', 'p3', 'p4']) {
      const folder = await folderOf(host, name);
      await host.run(
        `docker run --detach --name ${name} --volume ${folder}:/x ${COUNTED} /bin/sh -c '${plant}; while :; do sleep 1; done' >/dev/null; docker restart --time 0 ${name} >/dev/null`,
      );
    }
    const good = await folderOf(host, 'good');
    for (let i = 0; i < 4; i += 1) await host.run(`docker run --rm ${COUNTED}`);
    await host.run(`docker run --detach --name good ${COUNTED} /bin/sleep 60 >/dev/null`);
    await until(host, `test -f ${good}/.ready`, 5000);
    const ran = (await countedStarts(host)).slice(before);
    expect(ran.length).toBe(13);
    const known = new Set((await recordedStarts(host)).map(({ id }) => id.slice(0, 12)));
    expect(ran.filter(({ id }) => !known.has(id))).toEqual([]);
    expect(await host.state()).toMatchObject({ phase: 'serving' });
    const fromCs = Number(await host.run(NOW));
    await host.webserver.revoke(host.instanceId, 'stolen');
    expect((await until(host, `${GATE_SHUT} && ${AGENT_DOWN}`)) - fromCs).toBeLessThan(300);
    await host.reach('revoked');
    await expectShut();
    await serveAgain();
    await host.run('docker rm --force p1 p2 p3 p4 good >/dev/null');
  });

  test("A3: links to the host service's own files: they are what they were", async () => {
    const folder = await folderOf(host, 'a3');
    const key = await host.run('sudo sha256sum /run/ecs-host/host-key.pem');
    const before = await recordedStarts(host);
    const plant =
      'for f in tty tty.partial; do ln -sf /run/ecs-host/host-key.pem /x/$f; done; for f in ports.json ports.json.partial; do ln -sf /run/ecs-host/starts/record.ndjson /x/$f; done';
    await host.run(
      `docker run --detach --name a3 --volume ${folder}:/x ${COUNTED} /bin/sh -c '${plant}; while :; do sleep 1; done' >/dev/null; docker restart --time 0 a3 >/dev/null`,
    );
    await until(host, `test -f ${folder}/.ready`);
    expect(await host.run('sudo sha256sum /run/ecs-host/host-key.pem')).toBe(key);
    expect((await recordedStarts(host)).slice(0, before.length)).toEqual(before);
    await host.run('docker rm --force a3 >/dev/null');
  });
});

describe('the record', () => {
  test('A4: lines that are no starts, and entries that nobody made: put aside, and the service lives', async () => {
    const before = await host.reach('serving');
    const restarts = Number(await host.run('systemctl show -p NRestarts --value ecs-host'));
    await host.run(
      `sudo sh -c 'cd /run/ecs-host/starts; printf "{}\\nnull\\n{\\"n\\":\\"x\\"}\\n\\000\\001garbage\\n{\\"n\\":" >>record.ndjson; cd new; mkdir folder; ln -s /etc/passwd link; : >"a b"; mkfifo pipe; : >..x'`,
    );
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

describe('while the webserver is away after a kill -9', () => {
  test('A19: nobody reads that a killed service serves', async () => {
    host.decide(ERROR_503);
    await host.run(
      `docker run --detach --restart always --name always ${COUNTED} /bin/sleep 3600 >/dev/null; sudo systemctl kill -s KILL ecs-host`,
    );
    await until(host, '! grep -q \'"phase": "serving"\' /run/ecs-host/state.json', 1500);
    expect(await host.state()).toMatchObject({ gate: 'shut' });
    expect((await host.try('ecs-host-status')).exitCode).toBe(1);
    await host.reach('handshake');
    await expectShut();
  });

  test.each(CLIENTS)('`%s` starts nothing', async (_, command) => {
    const before = await lines();
    const { exitCode, output } = await host.try(command);
    expect(exitCode).not.toBe(0);
    expect(output).toContain('the gate of this host is shut');
    expect(await lines()).toBe(before);
  });

  test('nor does a restart policy', async () => {
    const before = await lines();
    await host.run('sudo kill -KILL $(docker inspect --format "{{.State.Pid}}" always)');
    await until(host, '[ "$(docker inspect --format "{{.State.Running}}" always)" = false ]');
    await sleep(1000);
    expect(await lines()).toBe(before);
  });

  test('A5: 24 tries of `docker run --rm` start nothing; 24 after it is back are all on the record', async () => {
    const before = await lines();
    const attempt = `seq 24 | xargs -P 4 -I{} sh -c 'docker run --rm ${COUNTED} >/dev/null 2>&1 && echo ok || echo no' | sort | uniq -c`;
    expect(await host.run(attempt)).toMatch(/^\s*24 no$/);
    expect(await lines()).toBe(before);
    host.decide({ kind: 'grant' });
    await nextLife(host);
    const { containersSeen } = await host.reach('serving');
    expect(await host.run(attempt)).toMatch(/^\s*24 ok$/);
    expect(await lines()).toBe(before + 24);
    await expect.poll(async () => (await host.state())?.containersSeen, { timeout: 5000 }).toBe(containersSeen + 24);
    await host.run('docker rm --force always >/dev/null');
  });
});

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
    const loop = `const [{ webSocketDebuggerUrl: url }] = await (await fetch("http://127.0.0.1:9229/json/list")).json(); const socket = new WebSocket(url); await new Promise((resolve) => (socket.onopen = resolve)); socket.send(JSON.stringify({ id: 1, method: "Runtime.evaluate", params: { expression: "for (;;);" } })); setTimeout(() => process.exit(), 300)`;
    await host.run('sudo systemctl kill --kill-who=main -s USR1 ecs-host');
    await expectDownSoonAfter(host, `/opt/ecs-host/bin/node --input-type=module -e '${loop}'`);
    await nextLife(host);
    await calm();
  });

  test('when it fails at each start', async () => {
    const dropIn = '/run/systemd/system/ecs-host.service.d';
    await host.run(
      `sudo mkdir -p ${dropIn}; printf '[Service]\\nExecStart=\\nExecStart=/bin/false\\n' | sudo tee ${dropIn}/broken.conf >/dev/null; sudo systemctl daemon-reload`,
    );
    await expectDownSoonAfter(host, 'sudo systemctl kill -s KILL ecs-host');
    await host.run(`sudo rm ${dropIn}/broken.conf; sudo systemctl daemon-reload; sudo systemctl restart ecs-host`);
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

/** The last task of a host that leaves: Docker stops the moment it is gone, perhaps before it has said so. */
function endTask(): Promise<unknown> {
  return host.try('docker rm --force task');
}

describe('with an hour for its tasks', () => {
  test('A9: `systemctl stop` waits for a task and nothing takes another; killed meanwhile, it stays so', async () => {
    await setDrainSeconds(3600);
    // Without asking for more, it would be killed after two seconds.
    const dropIn = '/run/systemd/system/ecs-host.service.d';
    await host.run(
      `sudo mkdir -p ${dropIn}; printf '[Service]\\nTimeoutStopSec=2s\\n' | sudo tee ${dropIn}/short.conf >/dev/null; sudo systemctl daemon-reload`,
    );
    await expect.poll(statusInEcs, { timeout: 10_000 }).toBe('ACTIVE');
    await host.run(`docker run --detach --name task ${TASK} ${COUNTED} /bin/sleep 3600`);
    await host.run('sudo systemctl stop --no-block ecs-host');
    await until(host, GATE_SHUT);
    await expectNoStart();
    // The agent tells ECS of its tasks' ends, and is sent none.
    await expect.poll(statusInEcs, { timeout: 10_000 }).toBe('DRAINING');
    await sleep(3000);
    expect(await host.run('systemctl is-active ecs-host || true')).toBe('deactivating');
    expect(await host.run('docker inspect --format "{{.State.Running}}" task')).toBe('true');
    await host.run('sudo systemctl kill -s KILL ecs-host');
    await until(host, 'systemctl is-active ecs-host | grep -qE "^(inactive|failed)$"');
    await expectShut();
    await sleep(1000);
    await expectShut();
    await host.run(
      `docker rm --force task >/dev/null; sudo rm ${dropIn}/short.conf; sudo systemctl daemon-reload; sudo systemctl start ecs-host`,
    );
    await host.reach('serving');
    await expect.poll(statusInEcs, { timeout: 10_000 }).toBe('ACTIVE');
  });

  test('A10: a drain order outlives a crash, until an operator takes it back', async () => {
    await host.run(`docker run --detach --name task ${TASK} ${COUNTED} /bin/sleep 3600`);
    await host.webserver.drain(host.instanceId, 'maintenance');
    await host.reach('draining');
    await expect.poll(statusInEcs, { timeout: 10_000 }).toBe('DRAINING');
    await nextLife(host);
    await host.reach('draining');
    await expectShut();
    await endTask();
    await host.reach('drained');
    await expectShut();
    expect(await statusInEcs()).toBe('DRAINING');
    await serveAgain();
    await expect.poll(statusInEcs, { timeout: 10_000 }).toBe('ACTIVE');
  });

  test('A10: the webserver keeps the order, too: a host that lost its own note of it is not let in', async () => {
    await host.webserver.drain(host.instanceId, 'maintenance');
    await host.reach('drained');
    await host.run('sudo rm -f /run/ecs-host/order.json /var/lib/ecs-host/order.json');
    await nextLife(host);
    expect(await host.reach('denied')).toMatchObject({ status: expect.stringContaining('ordered to drain') });
    await serveAgain();
    await expect.poll(statusInEcs, { timeout: 10_000 }).toBe('ACTIVE');
  });

  test('A11: a revoked host stops its agent although ECS cannot be told', async () => {
    await host.run(`docker run --detach --name task ${TASK} ${COUNTED} /bin/sleep 3600`);
    await fault('UpdateContainerInstancesState');
    try {
      const fromCs = Number(await host.run(NOW));
      await host.webserver.revoke(host.instanceId, 'stolen');
      expect((await until(host, AGENT_DOWN)) - fromCs).toBeLessThan(300);
      await expectShut();
      expect(await host.run('docker inspect --format "{{.State.Running}}" task')).toBe('true');
      await endTask();
      await host.reach('revoked');
    } finally {
      await fault(null);
    }
    await serveAgain();
    await setDrainSeconds(5);
  });
});

describe('an order that is kept on the host', () => {
  const ORDERS = '/run/ecs-host/order.json /var/lib/ecs-host/order.json';
  const put = (path: string, text: string): Promise<string> =>
    host.run(`sudo tee ${path} >/dev/null <<'EOS'\n${text}\nEOS`);

  test.each(ORDERS.split(' '))('damaged, in %s: it counts as one, until an operator takes it back', async (path) => {
    await put(path, '{"verb":"dra');
    await nextLife(host);
    expect(await host.reach('drained')).toMatchObject({ status: expect.stringContaining('is damaged') });
    await expectShut();
    await serveAgain();
    expect((await host.try(`sudo ls ${path}`)).exitCode).not.toBe(0);
  });

  test('of another instance: it is none', async () => {
    await put(
      '/var/lib/ecs-host/order.json',
      JSON.stringify({ verb: 'revoke', reason: 'another', instanceId: 'i-00000000000000001', sinceCs: 1 }),
    );
    await nextLife(host);
    await host.reach('serving');
    await host.run('sudo rm /var/lib/ecs-host/order.json');
  });
});

test('A7: a reason that speaks to systemd is a reason', async () => {
  const sshd = await host.run('systemctl show -p MainPID --value ssh');
  host.decide({ kind: 'deny', reason: `no\rMAINPID=${sshd}\r\u001b[31m` });
  await nextLife(host);
  await until(
    host,
    'grep -qE "denied|not of the protocol" /run/ecs-host/state.json || sudo journalctl -u ecs-host -n 5 -o cat | grep "not of the protocol"',
  );
  const [main, actual] = (
    await host.run(
      'systemctl show -p MainPID --value ecs-host; systemctl show -p ExecMainPID --value ecs-host; pgrep --parent 1 --full ecs-hostd.mjs',
    )
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

/** The control port's status, as the webserver asks for it. */
function controlStatus(): Promise<number> {
  return new Promise((resolve) => {
    const control = host.webserver.hosts.controlOf(host.instanceId);
    request(
      {
        host: host.address,
        port: 4678,
        path: '/v1/status',
        agent: false,
        ca: control?.port.certificate,
        checkServerIdentity: () => undefined,
        headers: { Authorization: `Bearer ${control?.port.token}` },
        signal: AbortSignal.timeout(5000),
      },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      },
    )
      .on('error', () => resolve(0))
      .end();
  });
}

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
    await host.run(
      `cat >/var/tmp/hold.py <<'EOS'\n${hold}EOS\nsudo systemd-run --quiet --collect --unit=strangers -p LimitNOFILE=4096 python3 /var/tmp/hold.py; sleep 1`,
    );
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
      host.try(
        `sudo nsenter --net --target $(docker inspect --format "{{.State.Pid}}" inside) python3 -c 'import socket; socket.create_connection(("${address}", 4678), 1)'`,
      );
    try {
      expect((await reach('172.17.0.1')).exitCode).not.toBe(0);
      expect((await reach(host.address)).exitCode).not.toBe(0);
    } finally {
      await host.run('docker rm --force inside >/dev/null');
    }
  });
});

test("A15: `webserverCa: null` is the system's trust store", async () => {
  const edit = (python: string): Promise<string> =>
    host.run(
      `sudo python3 -c 'import json; path = "/etc/ecs-host/host.json"; c = json.load(open(path)); ${python}; json.dump(c, open(path, "w"))'`,
    );
  const ca = '/usr/local/share/ca-certificates/webserver.crt';
  await edit(`open("${ca}", "w").write(c["webserverCa"]); c["webserverCa"] = None`);
  await nextLife(host);
  await until(host, 'sudo journalctl -u ecs-host -n 5 -o cat | grep certificate');
  await host.run('sudo update-ca-certificates >/dev/null 2>&1');
  await nextLife(host);
  try {
    await host.reach('serving', 15_000);
  } finally {
    await host.run(
      `sudo cp -a /var/tmp/etc/host.json /etc/ecs-host/host.json; sudo rm ${ca}; sudo update-ca-certificates --fresh >/dev/null 2>&1`,
    );
    await nextLife(host);
  }
  await host.reach('serving');
});

test.each(['+300', '-300'])('A14: a clock that is %s s off', { timeout: 120_000 }, async (offset) => {
  await host.run(
    'test -e /usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1 || { sudo apt-get -qq update && sudo DEBIAN_FRONTEND=noninteractive apt-get -qqy install faketime >/dev/null; }',
    90_000,
  );
  const dropIn = '/run/systemd/system/ecs-host.service.d';
  await host.run(
    `echo ${offset} | sudo tee /etc/faketimerc >/dev/null; sudo mkdir -p ${dropIn}; printf '[Service]\\nEnvironment=LD_PRELOAD=/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1 FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1\\n' | sudo tee ${dropIn}/clock.conf >/dev/null; sudo systemctl daemon-reload`,
  );
  await nextLife(host);
  try {
    await host.reach('serving', 20_000);
    expect(await controlStatus()).toBe(200);
  } finally {
    await host.run(`sudo rm ${dropIn}/clock.conf; sudo systemctl daemon-reload`);
    await nextLife(host);
  }
  await host.reach('serving');
});

describe('A17: a stolen identity document', () => {
  /** Shakes hands with the host's document and a key of the thief's. */
  const steal = async (): Promise<string> => {
    const attempt = AbortSignal.timeout(3000);
    const outcome = await shakeHands({
      client: createWebserverClient(`https://127.0.0.1:${host.webserver.port}`, host.webserverCa, attempt),
      identity: await identityOf(host),
      environment: 'test',
      key: await loadHostKey(`${lab.stateFolder}/thief-${randomUUID()}.pem`),
      control: null,
      log: createLog(() => undefined),
      signal: attempt,
      onAttempt: async () => undefined,
    }).catch((error: Error) => ({ refused: error.message }));
    return 'token' in outcome ? 'granted' : 'not granted';
  };

  test('is no host while the host lives', async () => {
    expect(await steal()).toBe('not granted');
  });

  test('of a revoked host is none when the webserver has forgotten the host', async () => {
    await host.webserver.revoke(host.instanceId, 'stolen');
    await host.reach('revoked');
    host.webserver.hosts.forget(host.instanceId);
    expect(await steal()).toBe('not granted');
    // Nor is the host itself, without its own note of it.
    await host.run('sudo rm -f /run/ecs-host/order.json /var/lib/ecs-host/order.json');
    await nextLife(host);
    await host.reach('denied');
    await serveAgain();
    expect(await host.units()).toBe(UP);
  });
});

/** A question to the webserver, from an address of this machine. */
function ask(body: object, agent: Agent): Promise<number> {
  return new Promise((resolve) => {
    const text = JSON.stringify(body);
    request(
      {
        host: '127.0.0.1',
        port: host.webserver.port,
        path: '/host_service/challenge',
        method: 'POST',
        agent,
        rejectUnauthorized: false,
        headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) },
        signal: AbortSignal.timeout(5000),
      },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      },
    )
      .on('error', () => resolve(0))
      .end(text);
  });
}

test('A12: a stranger who takes nonces without end keeps nobody out', { timeout: 120_000 }, async () => {
  const stranger = new Agent({ keepAlive: true, maxSockets: 32, localAddress: '127.0.0.2' });
  const honest = new Agent({ localAddress: '127.0.0.1' });
  const endsAt = performance.now() + 8000;
  const flood = Array.from({ length: 32 }, async () => {
    while (performance.now() < endsAt) await ask({ version: 1, instanceId: 'i-0123456789abcdef0' }, stranger);
  });
  await sleep(6000);
  const answers: number[] = [];
  for (let i = 0; i < 5; i += 1) answers.push(await ask({ version: 1, instanceId: host.instanceId }, honest));
  await Promise.all(flood);
  stranger.destroy();
  expect(answers).toEqual(Array(5).fill(200));
  await nextLife(host);
  await host.reach('serving', 15_000);
});
