import { setTimeout as sleep } from 'node:timers/promises';
import { type BootedHost, bakeImage, bootHost } from '../test/e2e/booted-host.ts';
import { startLabForTests } from '../test/e2e/lab-handle.ts';
import { createNaps, type HandledStart, handledStarts, importNap } from '../test/e2e/start-storm.ts';
import { median, saveResult } from './result.ts';

/**
 * The host service on a booted machine of the lab:
 * - from a granted handshake to a registered agent, against the floor: `systemctl start docker`, then the agent, by hand, same machine, in turn;
 * - its memory at rest, against an idle Node;
 * - how long after its start a container is handled, idle and in bursts of 50.
 */
const ROUNDS = 5;
const GOAL = 1.2;
const CONTAINERS = 50;
/** A 99th percentile of fewer would be the slowest one. */
const DELAY_ROUNDS = 4;

/** Ends when the agent has registered, and says when: CLOCK_MONOTONIC in microseconds, as in the state file. */
const WHEN_REGISTERED = `import http.client, time, urllib.request
while True:
    try:
        urllib.request.urlopen('http://127.0.0.1:51678/v1/metadata', timeout=1).read()
        break
    except (OSError, http.client.HTTPException):
        time.sleep(0.005)
print(time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000)`;
const NOW = 'python3 -c "import time; print(time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000)"';

const byHand = async (host: BootedHost): Promise<number> => {
  await host.run('sudo systemctl stop ecs-host; sudo mkdir -p /run/ecs-host; sudo touch /run/ecs-host/gate-open');
  const output = await host.run(
    `${NOW}; sudo systemctl start docker.socket docker.service && sudo systemctl start --no-block ecs.service && python3 /tmp/wait.py`,
  );
  await host.run('sudo rm /run/ecs-host/gate-open; sudo systemctl stop ecs.service docker.socket docker.service');
  const [from = 0, to = 0] = output.split('\n').map(Number);
  return (to - from) / 1000;
};

const ours = async (host: BootedHost): Promise<number> => {
  const to = Number(await host.run('sudo systemctl start --no-block ecs-host; python3 /tmp/wait.py'));
  const state = await host.reach('serving');
  return (to - (state.reachedAtUs.docker ?? 0)) / 1000;
};

const quantile = (values: readonly number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))] ?? Number.NaN;

const delays = (lines: readonly HandledStart[]): string => {
  const ms = lines.flatMap(({ eventNs, handledNs }) =>
    eventNs === null ? [] : [Number((BigInt(handledNs) - BigInt(eventNs)) / 1_000_000n)],
  );
  return `p50 ${quantile(ms, 0.5)} ms, p99 ${quantile(ms, 0.99)} ms (${ms.length} starts)`;
};

const lab = await startLabForTests();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void lab.down().finally(() => process.exit(130)));
try {
  await using host = await bootHost(lab, await bakeImage(lab), { drainSeconds: 0 });
  await host.reach('handshake');
  host.decide({ kind: 'grant' });
  await host.reach('serving');
  await host.run(`cat > /tmp/wait.py <<'EOP'\n${WHEN_REGISTERED}\nEOP`);

  const hand: number[] = [];
  const service: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    hand.push(await byHand(host));
    service.push(await ours(host));
  }
  const ratio = median(service) / median(hand);
  console.log(
    `granted to registered: ${median(service).toFixed(0)} ms, by hand ${median(hand).toFixed(0)} ms: ratio ${ratio.toFixed(2)}; goal at most ${GOAL}: ${ratio <= GOAL ? 'met' : 'NOT met'}`,
  );
  await saveResult('boot-to-ready', {
    baseline: 'systemctl start docker, then ecs',
    ratio,
    goal: GOAL,
    rounds: ROUNDS,
  });

  await sleep(15_000);
  const rss = async (pid: string): Promise<number> =>
    Number(await host.run(`awk '/^VmRSS/ {print $2}' /proc/${pid}/status`)) / 1024;
  const own = await rss(await host.run('systemctl show -p MainPID --value ecs-host'));
  const idle = await host.run(
    "/opt/ecs-host/bin/node -e 'setInterval(() => {}, 1e6)' >/dev/null 2>&1 & sleep 2; awk '/^VmRSS/ {print $2}' /proc/$!/status; kill $!",
  );
  const memory = own / (Number(idle) / 1024);
  console.log(
    `memory at rest: ${own.toFixed(0)} MiB, an idle Node ${(Number(idle) / 1024).toFixed(0)} MiB: ratio ${memory.toFixed(2)}`,
  );
  await saveResult('memory', { baseline: 'an idle Node', ratio: memory, goal: null, rounds: 1 });

  await importNap(host);
  await createNaps(host, CONTAINERS);
  const measure = async (what: string, starts: string): Promise<void> => {
    const before = (await handledStarts(host)).length;
    await host.run(`for round in $(seq ${DELAY_ROUNDS}); do ${starts}; done`, 300_000);
    await sleep(2000);
    console.log(`start to handled, ${what}: ${delays((await handledStarts(host)).slice(before))}`);
  };
  await measure('idle', `for i in $(seq ${CONTAINERS}); do docker start c$i >/dev/null; sleep 0.2; done`);
  await measure(
    `bursts of ${CONTAINERS}`,
    `for i in $(seq ${CONTAINERS}); do docker start c$i >/dev/null & done; wait; sleep 2`,
  );
} finally {
  await lab.down();
}
