import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { AGENT_DOWN, folderOf, GATE_SHUT, NOW, said, until } from '../attacker.ts';
import { COUNTED, countedStarts, recordedStarts } from '../counted-containers.ts';
import { expectShut, host, lines, serveAgain, TASK } from './attacked-host.ts';

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

/** A container whose first process is a shell with this script, ended once and started again. */
function runPlanter(name: string, folder: string, script: string, options = ''): Promise<string> {
  return host.run(`docker run --detach --name ${name} ${options} --volume ${folder}:/x ${COUNTED} \\
      /bin/sh -c '${script}' >/dev/null
    docker restart --time 0 ${name} >/dev/null`);
}

describe('in its own folder a container plants', () => {
  test('A1: links to the gate and named pipes, and its host is revoked: the gate stays shut', async () => {
    const folder = await folderOf(host, 'a1');
    const plant = plantAll((path) =>
      path.includes('.ready') ? `ln -s /run/ecs-host/gate-open ${path}` : `mkfifo ${path}`,
    );
    const script = `${plant}; cat /x/ports.json.partial; while :; do ${plant}; sleep 0.2; done`;
    await runPlanter('a1', folder, script, TASK);
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
    await host.run(`for name in ${NAMES.join(' ')}; do
        ln -s /run/ecs-host/gate-two ${folder}/$name
        ln -s /run/ecs-host/gate-two ${folder}/$name.partial
      done
      docker run --detach --name owner --cap-drop ALL --volume ${folder}:/x:ro ${COUNTED} /bin/sleep 60`);
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

  test('A2: four named pipes: others are made ready, each start is known, and a revocation counts', async () => {
    const before = await lines();
    const plant = plantAll((path) => `mkfifo ${path}`);
    for (const name of ['p1', 'p2', 'p3', 'p4']) {
      const folder = await folderOf(host, name);
      await runPlanter(name, folder, `${plant}; while :; do sleep 1; done`);
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
    const script = `for f in tty tty.partial; do ln -sf /run/ecs-host/host-key.pem /x/$f; done
      for f in ports.json ports.json.partial; do ln -sf /run/ecs-host/starts/record.ndjson /x/$f; done
      while :; do sleep 1; done`;
    await runPlanter('a3', folder, script);
    await until(host, `test -f ${folder}/.ready`);
    expect(await host.run('sudo sha256sum /run/ecs-host/host-key.pem')).toBe(key);
    expect((await recordedStarts(host)).slice(0, before.length)).toEqual(before);
    await host.run('docker rm --force a3 >/dev/null');
  });
});
