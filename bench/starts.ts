import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BootedHost } from '../test/e2e/booted-host.ts';
import { isInTime, REVOKED_WITHIN_MS, revocations } from '../test/e2e/revocation-storm.ts';
import { STORM_FOLDER, type Storm, storm } from '../test/e2e/start-storm.ts';
import { option, spread, withServingHost } from './booted.ts';
import { saveResult } from './result.ts';

/**
 * Starts of containers on a booted machine of the lab while the host service, dockerd and containerd are killed
 * (SIGKILL) again and again, the webserver is away for a third of the time, and disks are full: what the containers
 * count themselves is what is on the record. Then revocations at a random moment of a load. What went wrong is kept
 * with the journal.
 *
 *   node bench/starts.ts [--starts N] [--revocations N]
 */
const STARTS = option('starts', 10_000);
const REVOCATIONS = option('revocations', 100);
const SIZE = {
  starts: STARTS,
  serviceKills: Math.ceil(STARTS / 100),
  dockerdKills: Math.ceil(STARTS / 1000),
  containerdKills: Math.ceil(STARTS / 2000),
  fullMs: Math.min(60_000, Math.max(6000, STARTS * 6)),
};

async function keep(host: BootedHost, wrong: readonly string[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'ecs-host-starts-'));
  const units = '-u ecs-host -u ecs-host-guard -u docker.service -u docker.socket -u containerd';
  await writeFile(join(folder, 'wrong.txt'), `${wrong.join('\n')}\n`);
  for (const [name, command] of Object.entries({
    'record.ndjson': `sudo cat ${STORM_FOLDER}/record`,
    attempts: `sudo cat ${STORM_FOLDER}/attempts ${STORM_FOLDER}/kills`,
    'journal.txt': `sudo journalctl --no-pager -o short-precise ${units}`,
  }))
    await writeFile(join(folder, name), `${await host.run(command)}\n`);
  console.log(`kept: ${folder}`);
}

async function stormOnce(host: BootedHost): Promise<void> {
  const found: Storm = await storm(host, SIZE);
  const { counted, recorded, unconfirmed, missed, twice, unexplained, wrong } = found;
  const { serviceKills, dockerdKills, containerdKills } = found;
  console.log(
    `${counted} starts counted by the containers, ${recorded} on the record`,
    `(${unconfirmed} attempts that docker did not confirm); killed: the service ${serviceKills} times,`,
    `dockerd ${dockerdKills}, containerd ${containerdKills}; full for ${SIZE.fullMs / 1000} s:`,
    `${missed} missed, ${twice} twice, ${unexplained} unexplained`,
  );
  if (wrong.length > 0) {
    process.exitCode = 1;
    return keep(host, wrong);
  }
  await saveResult('starts', {
    baseline: 'starts that the containers counted themselves',
    ratio: (counted - missed) / counted,
    goal: 1,
    rounds: 1,
    starts: counted,
    serviceKills,
    dockerdKills,
    containerdKills,
    missed,
    twice,
    unexplained,
  });
}

async function revokeAgain(host: BootedHost): Promise<void> {
  const all = await revocations(host, REVOCATIONS);
  const late = all.filter((each) => !isInTime(each));
  console.log(`${all.length} revocations: the agent was down after ${spread(all.map((each) => each.agentDownMs))}`);
  console.log(`the last container began after ${spread(all.map((each) => each.lastStartMs))}`);
  console.log(`${late.length} not within ${REVOKED_WITHIN_MS} ms`);
  if (late.length > 0) {
    process.exitCode = 1;
    return keep(
      host,
      late.map((each) => JSON.stringify(each)),
    );
  }
  await saveResult('revocations', {
    baseline: 'revocations after which nothing starts and no agent runs within 5 s',
    ratio: 1,
    goal: 1,
    rounds: all.length,
  });
}

await withServingHost(async (host) => {
  if (STARTS > 0) await stormOnce(host);
  if (REVOCATIONS > 0) await revokeAgain(host);
});
