import { setTimeout as sleep } from 'node:timers/promises';
import type { BootedHost } from './booted-host.ts';
import { COUNTED, type CountedStart, countedStarts, parseRecord, type RecordedStart } from './counted-containers.ts';
import { fillDisk, fillRun, makeRoom } from './full-disk.ts';

export type StormSize = {
  /** Until the containers themselves have counted so many. */
  readonly starts: number;
  readonly serviceKills: number;
  readonly dockerdKills: number;
  readonly containerdKills: number;
  /** How long the disk and /run are full, half of it each. */
  readonly fullMs: number;
};

export type Storm = Omit<StormSize, 'starts' | 'fullMs'> & {
  /** Lines that containers wrote themselves. */
  readonly counted: number;
  readonly recorded: number;
  /** Attempts that docker did not confirm: refused, or somebody was killed meanwhile. Most of them started nothing. */
  readonly unconfirmed: number;
  /** Starts that are not on the record, or only after the container ran. */
  readonly missed: number;
  /** Lines of the record that one start has beyond its first, and numbers that are there twice or not at all. */
  readonly twice: number;
  /** On the record, with no container that ran and no attempt that docker did not confirm. */
  readonly unexplained: number;
  /** In words. */
  readonly wrong: readonly string[];
};

/** Beside the count: what is written down here must not depend on the disks that are filled. */
export const STORM_FOLDER = '/var/lib/count/storm';
/** A webserver that is away for a third of the time. */
const AWAY = { everyMs: 15_000, forMs: 5000 };
/** An attempt that a kill broke off is on the record within this time of the kill. */
const NEAR_A_KILL_CS = 1000;

/**
 * One of four that start containers: `docker run --rm`, `docker run --detach`, `docker start` of old ones, and ones
 * with a restart policy, which dockerd starts four times by itself. A dockerd that is killed between the creation of a
 * process and its start never starts that container again ("id already in use"); such a one is made anew. Attempts that
 * docker did not confirm are written down.
 */
const WORKER = `w=$1 i=0
unsure() { echo "unsure $1" >>${STORM_FOLDER}/attempts; sleep 0.2; }
run() {
  cid=${STORM_FOLDER}/cid.$w; rm -f $cid
  timeout -k 1 20 docker run --cidfile $cid "$@" >/dev/null 2>>${STORM_FOLDER}/said.$w </dev/null && return
  id=$(cat $cid 2>/dev/null) || id=none
  unsure $id; docker rm --force $id >/dev/null 2>&1
}
old() {
  own=${STORM_FOLDER}/old.$w.$1
  id=$(cat $own 2>/dev/null) || id=$(docker create --label old ${COUNTED} 2>/dev/null) || { sleep 0.2; return; }
  echo $id >$own
  if docker start $id >/dev/null 2>>${STORM_FOLDER}/said.$w; then
    rm -f $own.bad; timeout 5 docker wait $id >/dev/null 2>&1 && return
    docker rm --force $id >/dev/null 2>&1; rm -f $own
  else
    unsure $id; echo >>$own.bad
    [ $(wc -l <$own.bad) -lt 20 ] || rm -f $own $own.bad
  fi
}
while [ ! -e ${STORM_FOLDER}/enough ]; do
  i=$((i + 1))
  case $((i % 10)) in
    0)
      run --detach --restart on-failure:3 ${COUNTED} /bin/false
      cat ${STORM_FOLDER}/cid.$w >>${STORM_FOLDER}/policy 2>/dev/null
      echo >>${STORM_FOLDER}/policy
      ;;
    1 | 4 | 7) old $((i % 7)) ;;
    2 | 5) run --detach ${COUNTED} ;;
    9) docker container prune --force --filter until=2m --filter label!=old >/dev/null 2>&1; run --rm ${COUNTED} ;;
    *) run --rm ${COUNTED} ;;
  esac
done`;

/** The record keeps the last 4096 starts at least; this keeps all. */
const COLLECTOR = `import json, time
last = 0
with open('${STORM_FOLDER}/record', 'a') as out:
    while True:
        for name in ('record.1.ndjson', 'record.ndjson'):
            try:
                text = open('/run/ecs-host/starts/' + name).read()
            except FileNotFoundError:
                continue
            for line in text[:text.rfind('\\n') + 1].splitlines():
                n = json.loads(line)['n'] if line else 0
                if n > last:
                    last = n
                    out.write(line + '\\n')
        out.flush()
        time.sleep(0.2)
`;

function begin(host: BootedHost): Promise<string> {
  return host.run(`sudo rm -rf ${STORM_FOLDER}
mkdir -p ${STORM_FOLDER}
cd ${STORM_FOLDER}
for name in attempts policy kills record; do : >$name; done
cat >worker.sh <<'EOS'
${WORKER}
EOS
cat >collector.py <<'EOS'
${COLLECTOR}EOS
sudo systemd-run --quiet --collect --unit=storm-collector python3 ${STORM_FOLDER}/collector.py
for w in 1 2 3 4; do sudo systemd-run --quiet --collect --unit=storm-$w sh ${STORM_FOLDER}/worker.sh $w; done`);
}

async function kill(host: BootedHost, what: string, command: string): Promise<boolean> {
  return (
    (await host.try(`read -r up _ </proc/uptime; echo "${what} $up" >>${STORM_FOLDER}/kills; ${command}`)).exitCode ===
    0
  );
}

const KILLS = {
  serviceKills: '[ "$(systemctl show -p MainPID --value ecs-host)" != 0 ] && sudo systemctl kill -s KILL ecs-host',
  containerdKills: 'sudo pkill -KILL -x containerd',
  dockerdKills: 'sudo pkill -KILL -x dockerd',
} as const;

/**
 * Spreads the kills (SIGKILL) over the load, takes the webserver away again and again, and fills the disks in the
 * middle of it.
 */
async function disturb(host: BootedHost, size: StormSize): Promise<Pick<Storm, keyof typeof KILLS>> {
  const done = { serviceKills: 0, dockerdKills: 0, containerdKills: 0 };
  const startedAt = performance.now();
  const full = { disk: size.starts * 0.4, run: size.starts * 0.6 };
  const isIn: string[] = [];
  for (;;) {
    const counted = (await countedStarts(host)).length;
    const isDone = (Object.keys(KILLS) as (keyof typeof KILLS)[]).every((what) => done[what] >= size[what]);
    if (counted >= size.starts && isDone) return done;
    const isAway = (performance.now() - startedAt) % AWAY.everyMs < AWAY.forMs;
    host.decide(isAway ? { kind: 'error', status: 503 } : { kind: 'grant' });
    for (const what of Object.keys(KILLS) as (keyof typeof KILLS)[]) {
      const isDue = counted > ((done[what] + 0.7) * size.starts) / size[what] - 1;
      if (done[what] < size[what] && isDue && (await kill(host, what, KILLS[what]))) done[what] += 1;
    }
    for (const [which, fill] of [
      ['disk', fillDisk],
      ['run', fillRun],
    ] as const) {
      if (size.fullMs === 0 || isIn.includes(which) || counted < full[which]) continue;
      isIn.push(which);
      await fill(host);
      await sleep(size.fullMs / 2);
      await makeRoom(host);
    }
    await sleep(200);
  }
}

/** All is well again, and the last start is on the record. */
async function end(host: BootedHost): Promise<void> {
  host.decide({ kind: 'grant' });
  await host.run(
    `touch ${STORM_FOLDER}/enough; while systemctl is-active --quiet 'storm-[1-4].service'; do sleep 0.2; done`,
    120_000,
  );
  await host.reach('serving', 90_000);
  // Restart policies go on without anybody.
  let before = -1;
  for (let counted = -2; counted !== before; ) {
    before = counted;
    await sleep(1200);
    counted = (await countedStarts(host)).length;
  }
  await host.run(
    `until [ "$(sudo ls /run/ecs-host/starts/new | wc -l)" = 0 ]; do sleep 0.1; done
    sleep 0.5
    sudo systemctl stop storm-collector
    docker ps --all --quiet | xargs --no-run-if-empty docker rm --force >/dev/null 2>&1 || true`,
    120_000,
  );
}

type Evidence = {
  readonly counted: readonly CountedStart[];
  readonly record: readonly RecordedStart[];
  /** Ids of attempts that docker did not confirm, once for each. */
  readonly unsure: readonly string[];
  /** Ids of containers that dockerd starts by itself: nobody hears whether it could. */
  readonly policy: ReadonlySet<string>;
  readonly killsCs: readonly number[];
};

function groupById<T extends { readonly id: string }>(all: readonly T[]): Map<string, T[]> {
  return Map.groupBy(all, ({ id }) => id);
}

/** Compares, for each container, what it wrote itself with what is on the record. */
export function compare(
  evidence: Evidence,
): Pick<Storm, 'counted' | 'recorded' | 'unconfirmed' | 'missed' | 'twice' | 'unexplained' | 'wrong'> {
  const { counted, unsure, policy, killsCs } = evidence;
  const record = evidence.record.map((start) => ({ ...start, id: start.id.slice(0, 12) }));
  const wrong: string[] = [];
  let missed = 0;
  let unexplained = 0;
  const countedById = groupById(counted);
  const recordedById = groupById(record);
  for (const id of new Set([...countedById.keys(), ...recordedById.keys()])) {
    const ran = (countedById.get(id) ?? []).toSorted((a, b) => a.atCs - b.atCs);
    const known = (recordedById.get(id) ?? []).toSorted((a, b) => a.startedCs - b.startedCs);
    // Each must have been on the record before it ran.
    const late = ran.filter(({ atCs }, index) => (known[index]?.startedCs ?? Number.POSITIVE_INFINITY) > atCs).length;
    const near = known.filter(({ startedCs }) => killsCs.some((cs) => Math.abs(startedCs - cs) < NEAR_A_KILL_CS));
    const broken = unsure.filter((attempt) => attempt === id).length + (policy.has(id) ? near.length : 0);
    const extra = Math.max(0, known.length - ran.length - broken);
    missed += late;
    unexplained += extra;
    if (late + extra === 0) continue;
    const ranAt = ran.map(({ atCs }) => atCs).join(' ');
    const knownAt = known.map(({ startedCs }) => startedCs).join(' ');
    wrong.push(`${id}: ran at ${ranAt}; on the record at ${knownAt}; ${broken} attempts not confirmed`);
  }
  const keys = new Set(record.map(({ id, startedCs, pid }) => `${id}.${startedCs}.${pid}`));
  const numbers = new Set(record.map(({ n }) => n));
  const gaps = record.length === 0 ? 0 : (record.at(-1)?.n ?? 0) - (record[0]?.n ?? 0) + 1 - numbers.size;
  const twice = record.length - keys.size + (record.length - numbers.size) + gaps;
  if (twice > 0) wrong.push(`${record.length} lines, ${keys.size} starts, ${numbers.size} numbers, ${gaps} left out`);
  return {
    counted: counted.length,
    recorded: record.length,
    unconfirmed: unsure.length,
    missed,
    twice,
    unexplained,
    wrong,
  };
}

async function evidenceOf(host: BootedHost, sinceCs: number): Promise<Evidence> {
  const read = (name: string): Promise<string> => host.run(`sudo cat ${STORM_FOLDER}/${name}`);
  const words = async (name: string): Promise<string[][]> =>
    (await read(name))
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split(' '));
  return {
    counted: (await countedStarts(host)).filter(({ atCs }) => atCs >= sinceCs),
    record: parseRecord(await read('record')).filter(({ startedCs }) => startedCs >= sinceCs),
    unsure: (await words('attempts')).map(([, id = '']) => id.slice(0, 12)),
    policy: new Set((await words('policy')).map(([id = '']) => id.slice(0, 12))),
    killsCs: (await words('kills')).map(([, up]) => Math.round(Number(up) * 100)),
  };
}

/**
 * Starts containers in every way that there is while everybody who has a part in it is killed again and again, the
 * webserver is away, and disks are full. Then what the containers wrote themselves is compared with the record.
 */
export async function storm(host: BootedHost, size: StormSize): Promise<Storm> {
  const sinceCs = Number(
    await host.run(`sudo truncate -s 0 /var/lib/count/starts; read -r up _ </proc/uptime; echo "\${up%.*}\${up#*.}"`),
  );
  await begin(host);
  const kills = await disturb(host, size);
  await end(host);
  return { ...compare(await evidenceOf(host, sinceCs)), ...kills };
}
