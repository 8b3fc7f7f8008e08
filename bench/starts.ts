import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BootedHost, bakeImage, bootHost } from '../test/e2e/booted-host.ts';
import { startLabForTests } from '../test/e2e/lab-handle.ts';
import { createNaps, handledStarts } from './naps.ts';
import { saveResult } from './result.ts';

/**
 * Starts of containers on a booted machine of the lab while the host service and dockerd are killed (SIGKILL) again and again: none missed, none
 * handled twice. When one is, the journal and what was counted are kept.
 *
 *   node bench/starts.ts [--starts N]
 */
const STARTS = Number(process.argv[process.argv.indexOf('--starts') + 1]) || 1000;
const SERVICE_KILLS = 20;
const DOCKERD_KILLS = 3;
const CONTAINERS = 50;
const ROUNDS = Math.ceil(STARTS / CONTAINERS);

/**
 * Each round starts all containers, four at a time. `ok` is a start that docker confirmed; `unsure` one that it did not, because it was killed
 * meanwhile: that one may have happened or not.
 */
const LOAD = `for r in $(seq ${ROUNDS}); do
  seq ${CONTAINERS} | xargs -P 4 -I{} sh -c 'until docker start c{} >/dev/null 2>&1; do echo unsure c{}; sleep 0.3; done; echo ok c{}'
  docker wait $(seq -f c%.0f ${CONTAINERS}) >/dev/null 2>&1
done > /tmp/load.txt
touch /tmp/load.done`;

/** Spreads the kills over the load. */
const disturb = async (host: BootedHost): Promise<{ service: number; dockerd: number }> => {
  const killed = { service: 0, dockerd: 0 };
  while ((await host.try('test -e /tmp/load.done')).exitCode !== 0) {
    const done = Number(await host.run('wc -l < /tmp/load.txt'));
    if (killed.service < SERVICE_KILLS && done > ((killed.service + 0.5) * STARTS) / SERVICE_KILLS) {
      await host.run('sudo systemctl kill -s KILL ecs-host');
      killed.service += 1;
    } else if (killed.dockerd < DOCKERD_KILLS && done > ((killed.dockerd + 0.75) * STARTS) / DOCKERD_KILLS) {
      if ((await host.try('sudo pkill -KILL -x dockerd')).exitCode === 0) killed.dockerd += 1;
    }
    await sleep(100);
  }
  return killed;
};

const lab = await startLabForTests();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void lab.down().finally(() => process.exit(130)));
try {
  await using host = await bootHost(lab, await bakeImage(lab), { drainSeconds: 0 });
  await host.reach('handshake');
  host.decide({ kind: 'grant' });
  await host.reach('serving');
  await createNaps(host, CONTAINERS);
  await host.run(
    `cat > /tmp/load.sh <<'EOS'\n${LOAD}\nEOS\n: > /tmp/load.txt; nohup sh /tmp/load.sh >/dev/null 2>&1 &`,
  );
  const killed = await disturb(host);
  await host.reach('serving');
  await sleep(3000);

  const load = (await host.run('cat /tmp/load.txt')).split('\n').map((line) => line.split(' '));
  const handled = await handledStarts(host);
  const ids = (await host.run("docker ps -a --no-trunc --format '{{.ID}} {{.Names}}'"))
    .split('\n')
    .map((line) => line.split(' '));
  const wrong: string[] = [];
  let missed = 0;
  let twice = 0;
  for (const [id, name] of ids) {
    const count = (how: string): number => load.filter(([word, which]) => word === how && which === name).length;
    const found = handled.filter((start) => start.id === id).length;
    missed += Math.max(0, count('ok') - found);
    twice += Math.max(0, found - count('ok') - count('unsure'));
    if (found < count('ok') || found > count('ok') + count('unsure'))
      wrong.push(`${name} ${id}: ${count('ok')} confirmed, ${count('unsure')} unsure, ${found} handled`);
  }
  const confirmed = load.filter(([how]) => how === 'ok').length;
  console.log(
    `${confirmed} starts (${load.length - confirmed} more that docker did not confirm), ${killed.service} kills of the service and ${killed.dockerd} of dockerd: ${handled.length} handled, ${missed} missed, ${twice} twice`,
  );
  const isWhole = confirmed >= STARTS && killed.service === SERVICE_KILLS && killed.dockerd === DOCKERD_KILLS;
  if (wrong.length > 0 || !isWhole) {
    process.exitCode = 1;
    const folder = await mkdtemp(join(tmpdir(), 'ecs-host-starts-'));
    await writeFile(join(folder, 'wrong.txt'), `${wrong.join('\n')}\n`);
    await writeFile(join(folder, 'load.txt'), await host.run('cat /tmp/load.txt'));
    await writeFile(join(folder, 'starts.ndjson'), await host.run('sudo cat /run/ecs-host/starts.ndjson'));
    await writeFile(
      join(folder, 'journal.txt'),
      await host.run(
        'sudo journalctl --no-pager -o short-precise -u ecs-host -u docker -u docker.socket -u containerd',
      ),
    );
    console.log(`kept: ${folder}`);
  } else {
    await saveResult('starts', {
      baseline: 'starts that docker confirmed',
      ratio: (confirmed - missed) / confirmed,
      goal: 1,
      rounds: 1,
      starts: confirmed,
      serviceKills: killed.service,
      dockerdKills: killed.dockerd,
      missed,
      twice,
    });
  }
} finally {
  await lab.down();
}
