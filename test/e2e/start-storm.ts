import { setTimeout as sleep } from 'node:timers/promises';
import type { BootedHost } from './booted-host.ts';

/** A line of the host service's file of starts; times are nanoseconds since 1970. */
export type HandledStart = {
  readonly name: string;
  readonly eventNs: string | null;
  readonly startedAtNs: string | null;
  readonly handledNs: string;
};

/** All starts that the host service has handled in this boot. */
export const handledStarts = async (host: BootedHost): Promise<HandledStart[]> =>
  (await host.run('sudo cat /run/ecs-host/starts.ndjson 2>/dev/null || true'))
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as HandledStart);

/** An image `nap` of two files: a program, and what it is linked with. */
export const importNap = (host: BootedHost): Promise<string> =>
  host.run(
    'tar --create --dereference --absolute-names /bin/sleep $(ldd /bin/sleep | grep -o "/[^ ]*") | docker import - nap >/dev/null',
  );

const CREATE = 'docker create --name $1 nap /bin/sleep 0.05 >/dev/null';

/** Containers c1 to cN of `nap`, each with a folder of the host service; they end after a moment. */
export const createNaps = async (host: BootedHost, count: number): Promise<void> => {
  await host.run(
    `for i in $(seq ${count}); do set -- c$i; ${CREATE}; sudo mkdir -p /var/lib/ecs-host/containers/c$i; done`,
    300_000,
  );
};

export type StormSize = {
  readonly rounds: number;
  readonly containers: number;
  readonly serviceKills: number;
  readonly dockerdKills: number;
};

export type Storm = {
  /** Starts that docker confirmed. */
  readonly confirmed: number;
  /** Starts that it did not, because it was killed meanwhile: each may have happened or not. */
  readonly unsure: number;
  readonly handled: number;
  readonly missed: number;
  readonly twice: number;
  readonly serviceKills: number;
  readonly dockerdKills: number;
  /** Each container that was handled too seldom or too often, in words. */
  readonly wrong: readonly string[];
};

const LOAD = '/tmp/storm.txt';
const DONE = '/tmp/storm.done';

/**
 * Each round starts all containers, four at a time, and waits until they have ended. A dockerd that is killed between the creation of a
 * process and its start never starts that container again ("id already in use"); such a one is made anew.
 */
const script = ({ rounds, containers }: StormSize): string => `cat > /tmp/storm-one.sh <<'EOS'
tries=0
until docker start $1 >/dev/null 2>&1; do
  echo unsure $1; sleep 0.3; tries=$((tries + 1))
  [ $((tries % 20)) = 0 ] && docker rm --force $1 >/dev/null 2>&1 && ${CREATE}
done
echo ok $1
EOS
for r in $(seq ${rounds}); do
  seq ${containers} | xargs -P 4 -I{} sh /tmp/storm-one.sh c{}
  docker wait $(seq -f c%.0f ${containers}) >/dev/null 2>&1
done > ${LOAD}
touch ${DONE}`;

/** Spreads the kills (SIGKILL) over the load, until that is done. */
const disturb = async (host: BootedHost, size: StormSize): Promise<Pick<Storm, 'serviceKills' | 'dockerdKills'>> => {
  const starts = size.rounds * size.containers;
  let serviceKills = 0;
  let dockerdKills = 0;
  while ((await host.try(`test -e ${DONE}`)).exitCode !== 0) {
    const done = Number(await host.run(`wc -l < ${LOAD}`));
    if (serviceKills < size.serviceKills && done > ((serviceKills + 0.5) * starts) / size.serviceKills) {
      await host.run('sudo systemctl kill -s KILL ecs-host');
      serviceKills += 1;
    } else if (dockerdKills < size.dockerdKills && done > ((dockerdKills + 0.75) * starts) / size.dockerdKills) {
      if ((await host.try('sudo pkill -KILL -x dockerd')).exitCode === 0) dockerdKills += 1;
    }
    await sleep(100);
  }
  return { serviceKills, dockerdKills };
};

/** Compares what docker confirmed with what the service handled. */
const compare = async (host: BootedHost, before: number): Promise<Omit<Storm, 'serviceKills' | 'dockerdKills'>> => {
  const load = (await host.run(`cat ${LOAD}`)).split('\n').map((line) => line.split(' '));
  const handled = (await handledStarts(host)).slice(before);
  const wrong: string[] = [];
  let missed = 0;
  let twice = 0;
  for (const name of new Set(load.map(([, which]) => which))) {
    const count = (how: string): number => load.filter(([word, which]) => word === how && which === name).length;
    const found = handled.filter((start) => start.name === name).length;
    const tooFew = Math.max(0, count('ok') - found);
    const tooMany = Math.max(0, found - count('ok') - count('unsure'));
    missed += tooFew;
    twice += tooMany;
    if (tooFew + tooMany > 0)
      wrong.push(`${name}: ${count('ok')} confirmed, ${count('unsure')} unsure, ${found} handled`);
  }
  const confirmed = load.filter(([how]) => how === 'ok').length;
  return { confirmed, unsure: load.length - confirmed, handled: handled.length, missed, twice, wrong };
};

/** Starts containers again and again while the host service and dockerd are killed, and counts what the service has handled. */
export const storm = async (host: BootedHost, size: StormSize): Promise<Storm> => {
  await createNaps(host, size.containers);
  const before = (await handledStarts(host)).length;
  await host.run(
    `cat > /tmp/storm.sh <<'EOF'\n${script(size)}\nEOF\nrm -f ${DONE}; : > ${LOAD}; nohup sh /tmp/storm.sh >/dev/null 2>&1 &`,
  );
  const kills = await disturb(host, size);
  // The last kill may be a moment ago. What is handled twice shows only when all is quiet.
  for (let tries = 0; tries < 30 && (await compare(host, before)).missed > 0; tries += 1) await sleep(1000);
  await sleep(5000);
  await host.reach('serving');
  return { ...(await compare(host, before)), ...kills };
};
