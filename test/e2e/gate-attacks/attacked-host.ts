import { request } from 'node:https';
import { expect } from 'vitest';
import { AGENT_DOWN, nextLife, prepareClients, until } from '../attacker.ts';
import { type BootedHost, bakeImage, bootHost } from '../booted-host.ts';
import { COUNTED, countedStarts, importTools } from '../counted-containers.ts';
import { makeRoom } from '../full-disk.ts';
import { awsLeftovers, type LabHandle, startLabForTests } from '../lab-handle.ts';
import { containerInstances, editHostConfig } from '../machine-edits.ts';
import { prepareRoot } from '../revocation-storm.ts';

/** The one machine that all groups of attacks are done to; each leaves it serving. */
export let lab: LabHandle;
export let host: BootedHost;

export const TASK = '--label com.amazonaws.ecs.task-arn=a-task';
export const UP = 'active active active active';
export const ERROR_503 = { kind: 'error', status: 503 } as const;

export async function bootAttackedHost(): Promise<void> {
  lab = await startLabForTests();
  host = await bootHost(lab, await bakeImage(lab));
  host.decide({ kind: 'grant' });
  await host.reach('serving');
  await importTools(host);
  await prepareRoot(host);
  await prepareClients(host);
  await host.run('mkdir /var/tmp/etc; sudo cp -a /etc/docker/daemon.json /etc/ecs-host/host.json /var/tmp/etc/');
}

export async function endAttackedHost(): Promise<void> {
  try {
    await host?.[Symbol.asyncDispose]();
    expect(await awsLeftovers(lab)).toEqual([]);
  } finally {
    await lab?.down();
  }
}

/** What a test that failed has left, so that the next ones tell of their own attacks. */
export async function mend(): Promise<void> {
  host.decide({ kind: 'grant' });
  await fault(null);
  await makeRoom(host);
  await host.try(`sudo sh -c '
    for unit in ecs-host docker containerd; do systemctl kill --kill-who=main -s CONT $unit; done
    systemctl stop hammer strangers
    rm -rf /run/systemd/system/ecs-host.service.d /run/ecs-host/order.json /var/lib/ecs-host/order.json
    cp -a /var/tmp/etc/daemon.json /etc/docker/
    cp -a /var/tmp/etc/host.json /etc/ecs-host/
    systemctl daemon-reload
    docker ps --quiet | xargs --no-run-if-empty docker kill
    docker rm --force task
    systemctl restart ecs-host'`);
  await host.takeBack();
  await host.reach('serving');
}

export async function lines(): Promise<number> {
  return (await countedStarts(host)).length;
}

export async function serveAgain(): Promise<void> {
  host.decide({ kind: 'grant' });
  await host.takeBack();
  await host.reach('serving');
  await host.try('docker rm --force task');
}

/** Whether Docker runs or not. */
export async function expectNoStart(): Promise<void> {
  expect((await host.try('/opt/ecs-host/bin/ecs-host-gate check gate-open')).exitCode).toBe(1);
  expect((await host.try('sudo ls -la /run/ecs-host/gate-open')).exitCode).not.toBe(0);
  const before = await lines();
  expect((await host.try(`docker run --rm ${COUNTED}`)).exitCode).not.toBe(0);
  expect(await lines()).toBe(before);
}

export async function expectShut(): Promise<void> {
  await until(host, AGENT_DOWN);
  expect((await host.try('sudo systemctl start ecs')).exitCode).not.toBe(0);
  await expectNoStart();
}

/** As the service is told with user data; read in its next life. */
export async function setDrainSeconds(seconds: number): Promise<void> {
  await editHostConfig(host, { drainSeconds: seconds });
  await nextLife(host);
  await host.reach('serving');
}

export async function statusInEcs(): Promise<string | undefined> {
  return (await containerInstances(host))[0];
}

/** Spoils calls of the AWS API until that is taken back. */
export async function fault(action: string | null): Promise<void> {
  const answer =
    action === null
      ? await fetch(`${lab.endpoint}/_lab/faults`, { method: 'DELETE' })
      : await fetch(`${lab.endpoint}/_lab/faults`, {
          method: 'POST',
          body: JSON.stringify({ action, code: 'ServerException', times: 1000, httpStatus: 500 }),
        });
  expect(answer.ok).toBe(true);
}

/** The control port's status, as the webserver asks for it. */
export function controlStatus(): Promise<number> {
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
