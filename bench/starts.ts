import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bakeImage, bootHost } from '../test/e2e/booted-host.ts';
import { startLabForTests } from '../test/e2e/lab-handle.ts';
import { importNap, storm } from '../test/e2e/start-storm.ts';
import { saveResult } from './result.ts';

/**
 * Starts of containers on a booted machine of the lab while the host service and dockerd are killed (SIGKILL) again and again: none missed, none
 * handled twice. When one is, the journal and what was counted are kept.
 *
 *   node bench/starts.ts [--starts N]
 */
const STARTS = Number(process.argv[process.argv.indexOf('--starts') + 1]) || 1000;
const CONTAINERS = 50;
const SIZE = { rounds: Math.ceil(STARTS / CONTAINERS), containers: CONTAINERS, serviceKills: 20, dockerdKills: 3 };

const lab = await startLabForTests();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void lab.down().finally(() => process.exit(130)));
try {
  await using host = await bootHost(lab, await bakeImage(lab), { drainSeconds: 0 });
  await host.reach('handshake');
  host.decide({ kind: 'grant' });
  await host.reach('serving');
  await importNap(host);
  const { wrong, confirmed, unsure, handled, missed, twice, serviceKills, dockerdKills } = await storm(host, SIZE);
  console.log(
    `${confirmed} starts (${unsure} more that docker did not confirm), ${serviceKills} kills of the service and ${dockerdKills} of dockerd: ${handled} handled, ${missed} missed, ${twice} twice`,
  );
  const isWhole =
    confirmed === SIZE.rounds * CONTAINERS && serviceKills === SIZE.serviceKills && dockerdKills === SIZE.dockerdKills;
  if (isWhole) {
    await saveResult('starts', {
      baseline: 'starts that docker confirmed',
      ratio: (confirmed - missed) / confirmed,
      goal: 1,
      rounds: 1,
      starts: confirmed,
      serviceKills,
      dockerdKills,
      missed,
      twice,
    });
  }
  if (wrong.length > 0 || !isWhole) {
    process.exitCode = 1;
    const folder = await mkdtemp(join(tmpdir(), 'ecs-host-starts-'));
    const keep = async (name: string, command: string): Promise<void> =>
      writeFile(join(folder, name), `${await host.run(command)}\n`);
    await writeFile(join(folder, 'wrong.txt'), `${wrong.join('\n')}\n`);
    await keep('starts.ndjson', 'sudo cat /run/ecs-host/starts.ndjson');
    const units = '-u ecs-host -u docker.service -u docker.socket -u containerd';
    await keep('journal.txt', `sudo journalctl --no-pager -o short-precise ${units}`);
    console.log(`kept: ${folder}`);
  }
} finally {
  await lab.down();
}
