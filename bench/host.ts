import { setTimeout as sleep } from 'node:timers/promises';
import type { BootedHost } from '../test/e2e/booted-host.ts';
import { putFile } from '../test/e2e/machine-edits.ts';
import { spread, withServingHost } from './booted.ts';
import { atMost, median, saveResult } from './result.ts';

/**
 * The host service on a booted machine of the lab:
 * - from a granted handshake to a registered agent, against the floor: `systemctl start docker`, then the agent, by
 *   hand, same machine, in turn;
 * - its memory at rest, against an idle Node;
 * - how long after Docker's own event of its start a container is ready, idle and in bursts of 50.
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

/** Keeps both leases as the host service does, in its place. */
const LEASES = `while :; do
  read -r up _ </proc/uptime
  for name in gate-open agent-open; do
    echo $(($(echo $up | tr -d .) + 200)) >/run/ecs-host/$name.partial
    mv /run/ecs-host/$name.partial /run/ecs-host/$name
  done
  sleep 0.25
done`;

async function byHand(host: BootedHost): Promise<number> {
  // Rounds of a second each are more starts than systemd allows in ten.
  await host.run(`sudo systemctl stop ecs-host
    sudo systemctl reset-failed
    sudo systemd-run --quiet --collect --unit=leases sh /tmp/leases.sh
    until /opt/ecs-host/bin/ecs-host-gate check agent-open; do sleep 0.05; done`);
  const output = await host.run(`${NOW}
    sudo systemctl start docker.socket docker.service &&
      sudo systemctl start --no-block ecs.service &&
      python3 /tmp/wait.py`);
  await host.run(`sudo systemctl stop leases
    sudo rm -f /run/ecs-host/gate-open /run/ecs-host/agent-open
    sudo systemctl stop ecs.service docker.socket docker.service containerd.service`);
  const [from = 0, to = 0] = output.split('\n').map(Number);
  return (to - from) / 1000;
}

async function ours(host: BootedHost): Promise<number> {
  const start = 'sudo systemctl reset-failed; sudo systemctl start --no-block ecs-host';
  const to = Number(await host.run(`${start}; python3 /tmp/wait.py`));
  const state = await host.reach('serving');
  return (to - (state.reachedAtUs.docker ?? 0)) / 1000;
}

/** Containers c1 to cN, each with a folder of the host service. */
const CREATE = `for i in $(seq ${CONTAINERS}); do
  docker create --name c$i tools /bin/sleep 120 >/dev/null
  sudo mkdir -p /var/lib/ecs-host/containers/c$i
done`;

/** Starts all, and prints for each how many nanoseconds its `.ready` is younger than Docker's event of its start. */
const BURST = `import json, os, subprocess, sys, time
pause = float(sys.argv[1])
ids = ['c%d' % i for i in range(1, ${CONTAINERS} + 1)]
def path(id):
    return '/var/lib/ecs-host/containers/' + id + '/.ready'
since = str(time.time())
starts = []
for id in ids:
    starts.append(subprocess.Popen(['docker', 'start', id], stdout=subprocess.DEVNULL))
    if pause:
        starts[-1].wait()
        time.sleep(pause)
ready = {}
until = time.time() + 30
while len(ready) < len(ids) and time.time() < until:
    for id in ids:
        try:
            made = os.stat(path(id)).st_mtime_ns
        except FileNotFoundError:
            continue
        ready.setdefault(id, made)
    time.sleep(0.02)
for start in starts:
    start.wait()
subprocess.run(['docker', 'kill', *ids], stdout=subprocess.DEVNULL)
while any(os.path.exists(path(id)) for id in ids):
    time.sleep(0.02)
command = 'docker events --filter event=start'.split()
command += ['--since', since, '--until', str(time.time()), '--format', '{{json .}}']
for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
    event = json.loads(line)
    id = event['Actor']['Attributes']['name']
    if id in ready:
        print(ready[id] - event['timeNano'])
`;

await withServingHost(async (host) => {
  await putFile(host, '/tmp/wait.py', WHEN_REGISTERED);
  await putFile(host, '/tmp/leases.sh', LEASES);

  const hand: number[] = [];
  const service: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    hand.push(await byHand(host));
    service.push(await ours(host));
  }
  const ratio = median(service) / median(hand);
  console.log(
    `granted to registered: ${median(service).toFixed(0)} ms, by hand ${median(hand).toFixed(0)} ms:`,
    `ratio ${ratio.toFixed(2)}; ${atMost(GOAL, ratio <= GOAL)}`,
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
  const idleKib = await host.run(`/opt/ecs-host/bin/node -e 'setInterval(() => {}, 1e6)' >/dev/null 2>&1 &
    sleep 2
    awk '/^VmRSS/ {print $2}' /proc/$!/status
    kill $!`);
  const idle = Number(idleKib) / 1024;
  const memory = own / idle;
  console.log(`memory at rest: ${own.toFixed(0)} MiB, an idle Node ${idle.toFixed(0)} MiB: ratio ${memory.toFixed(2)}`);
  await saveResult('memory', { baseline: 'an idle Node', ratio: memory, goal: null, rounds: 1 });

  await host.run(CREATE, 120_000);
  await putFile(host, '/tmp/burst.py', BURST);
  const measure = async (what: string, pauseS: number): Promise<void> => {
    const ms: number[] = [];
    for (let round = 0; round < DELAY_ROUNDS; round += 1)
      ms.push(
        ...(await host.run(`sudo python3 /tmp/burst.py ${pauseS}`, 120_000))
          .split('\n')
          .filter(Boolean)
          .map((line) => Number(line) / 1e6),
      );
    console.log(`start to ready, ${what}: ${spread(ms)} (${ms.length} starts)`);
  };
  await measure('one after the other', 0.2);
  await measure(`bursts of ${CONTAINERS}`, 0);
});
