import { setTimeout as sleep } from 'node:timers/promises';
import { bootCs } from '../../hostd/gate.ts';
import type { BootedHost } from './booted-host.ts';
import { COUNTED, countedStarts } from './counted-containers.ts';

/** What must be down within five seconds of a revocation. */
export const REVOKED_WITHIN_MS = 5000;

/** One revocation, seen from outside the host service; milliseconds after it was ordered. */
export type Revocation = {
  /** The last container whose own first process ran; 0 when none did any more. */
  readonly lastStartMs: number;
  readonly agentDownMs: number;
  /** What could be started five seconds afterwards, by docker and by containerd's own client. */
  readonly started: readonly string[];
};

/** Starts containers as fast as it can, two at a time, until it is ended. */
const LOAD = `while :; do docker run --rm ${COUNTED} >/dev/null 2>&1 || sleep 0.05; done`;

/** Where containerd's own client finds a container; `docker` is not in it. */
const ROOT = '/var/tmp/rootfs';

export function prepareRoot(host: BootedHost): Promise<string> {
  return host.run(`mkdir -p ${ROOT} &&
    id=$(docker create tools) &&
    docker export $id | tar --extract --directory ${ROOT} &&
    docker rm $id >/dev/null`);
}

/** A container that counts itself, started without Docker. */
export const CONTAINERD_CLIENT = `timeout -k 1 5 ctr run --rm --rootfs ${ROOT} --env HOSTNAME=containerd \\
  --mount type=bind,src=/var/lib/count,dst=/count,options=rbind:rw \\
  probe-$(cat /proc/sys/kernel/random/uuid) /usr/local/bin/counted /bin/true`;

/** Each way to start a container that a client has, by name. A Docker or a containerd that is down is one way less. */
const STARTS: Readonly<Record<string, string>> = {
  'docker run': `docker run --rm ${COUNTED}`,
  'ctr run': `sudo ${CONTAINERD_CLIENT}`,
};

async function tryStarts(host: BootedHost): Promise<string[]> {
  const started: string[] = [];
  for (const [name, command] of Object.entries(STARTS))
    if ((await host.try(command)).exitCode === 0) started.push(name);
  return started;
}

async function agentDown(host: BootedHost): Promise<number> {
  return Number(
    await host.run(`for try in $(seq 400); do
  case $(systemctl is-active ecs) in inactive | failed) break ;; esac
  sleep 0.02
done
cut -d ' ' -f 1 /proc/uptime | tr -d .`),
  );
}

async function revokeOnce(host: BootedHost): Promise<Revocation> {
  await host.reach('serving');
  await sleep(500 + Math.random() * 5000);
  const fromCs = bootCs();
  const [, downCs] = await Promise.all([host.webserver.revoke(host.instanceId, 'a revocation'), agentDown(host)]);
  await sleep(Math.max(0, REVOKED_WITHIN_MS - (bootCs() - fromCs) * 10));
  const started = await tryStarts(host);
  const last = Math.max(fromCs, ...(await countedStarts(host)).map(({ atCs }) => atCs));
  await host.reach('revoked');
  await host.takeBack();
  return { lastStartMs: (last - fromCs) * 10, agentDownMs: (downCs - fromCs) * 10, started };
}

/** Revokes a host again and again, at a random moment of a load of starts, and trusts it again. */
export async function revocations(
  host: BootedHost,
  times: number,
  onEach: (revocation: Revocation) => void = () => undefined,
): Promise<Revocation[]> {
  await prepareRoot(host);
  await host.run(`for i in 1 2; do sudo systemd-run --quiet --collect --unit=load-$i sh -c '${LOAD}'; done`);
  const all: Revocation[] = [];
  try {
    for (let i = 0; i < times; i += 1) {
      all.push(await revokeOnce(host));
      onEach(all.at(-1) as Revocation);
    }
  } finally {
    await host.run('sudo systemctl stop load-1 load-2');
  }
  await host.reach('serving');
  return all;
}

export function isInTime({ lastStartMs, agentDownMs, started }: Revocation): boolean {
  return lastStartMs <= REVOKED_WITHIN_MS && agentDownMs <= REVOKED_WITHIN_MS && started.length === 0;
}
