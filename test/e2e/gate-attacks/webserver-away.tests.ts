import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { CLIENTS, nextLife, until } from '../attacker.ts';
import { COUNTED } from '../counted-containers.ts';
import { ERROR_503, expectShut, host, lines } from './attacked-host.ts';

describe('while the webserver is away after a kill -9', () => {
  test('A19: nobody reads that a killed service serves', async () => {
    host.decide(ERROR_503);
    await host.run(`docker run --detach --restart always --name always ${COUNTED} /bin/sleep 3600 >/dev/null
      sudo systemctl kill -s KILL ecs-host`);
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
    const one = `docker run --rm ${COUNTED} >/dev/null 2>&1 && echo ok || echo no`;
    const attempt = `seq 24 | xargs -P 4 -I{} sh -c '${one}' | sort | uniq -c`;
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
