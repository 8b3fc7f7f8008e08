import { expect } from 'vitest';
import type { BootedHost } from './booted-host.ts';
import { COUNTED, countedStarts } from './counted-containers.ts';

/** Hundredths of a second of CLOCK_BOOTTIME, in the machine's shell. */
export const NOW = 'sed "s/ .*//; s/[.]//" /proc/uptime';

export const AGENT_DOWN = 'systemctl is-active ecs | grep -qE "^(inactive|failed)$"';
export const GATE_SHUT = '! /opt/ecs-host/bin/ecs-host-gate check gate-open';

/** Looks in the machine, where that is cheap, until a shell condition holds. @returns when it did, as `NOW` */
export async function until(host: BootedHost, condition: string, limitMs = 10_000): Promise<number> {
  const { exitCode, output } = await host.try(
    `from=$(${NOW})
    until { ${condition}; } >/dev/null 2>&1; do
      [ $(($(${NOW}) - from)) -lt ${limitMs / 10} ] || exit 1
      sleep 0.05
    done
    ${NOW}`,
    limitMs + 30_000,
  );
  if (exitCode === 0) return Number(output.split('\n').at(-1));
  const journal = await host.try('sudo journalctl -u ecs-host -u ecs-host-guard --no-pager -n 30 -o short-monotonic');
  throw new Error(`not within ${limitMs} ms: ${condition}\n${output}\n${journal.output}`);
}

/** What the host service and the guard have said in this boot. */
export function said(host: BootedHost): Promise<string> {
  return host.run('sudo journalctl -b -u ecs-host -u ecs-host-guard --no-pager -o cat');
}

/** Ends the host service's life, and waits for the next one. */
export function nextLife(host: BootedHost, end = 'systemctl kill --signal=KILL ecs-host'): Promise<string> {
  return host.run(`main() { systemctl show -p MainPID --value ecs-host; }
    before=$(main)
    sudo ${end}
    for i in $(seq 200); do
      now=$(main)
      [ "$now" = 0 ] || [ "$now" = "$before" ] || exit 0
      sleep 0.1
    done
    exit 1`);
}

/** The folder of a container, which belongs to the login user. @returns its path */
export async function folderOf(host: BootedHost, name: string): Promise<string> {
  const folder = `/var/lib/ecs-host/containers/${name}`;
  await host.run(`sudo mkdir -p /var/lib/ecs-host/containers; sudo install -d -o "$USER" ${folder}`);
  return folder;
}

/** What `CLIENTS` start: a bundle of runc's, and a container of Docker's that was created before. */
export function prepareClients(host: BootedHost): Promise<string> {
  return host.run(`mkdir -p /var/tmp/bundle
    cd /var/tmp/bundle
    /usr/sbin/runc.distrib spec
    sed -i '
      s/"terminal": true/"terminal": false/
      s#"rootfs"#"/var/tmp/rootfs"#
      s#"sh"#"/bin/true"#' config.json
    docker create --name old ${COUNTED} >/dev/null`);
}

/** Every way that a client has to start a container, by name. */
export const CLIENTS: readonly (readonly [name: string, command: string])[] = [
  ['docker run', `docker run --rm ${COUNTED}`],
  ['docker run --runtime runc', `docker run --rm --runtime runc ${COUNTED}`],
  ['docker run --runtime io.containerd.runc.v2', `docker run --rm --runtime io.containerd.runc.v2 ${COUNTED}`],
  ['docker start of an old container', 'docker start --attach old'],
  ['ctr run', 'sudo ctr run --rm --rootfs /var/tmp/rootfs ctr-$(cat /proc/sys/kernel/random/uuid) /bin/true'],
  ['runc run', 'cd /var/tmp/bundle && sudo runc run bundle-$(cat /proc/sys/kernel/random/uuid)'],
];

/**
 * Two seconds are promised: a lease of one and a half, and the guard's look. One more for a machine that is busy with
 * several labs.
 */
const DOWN_WITHIN_CS = 300;

/** Starts containers without a pause, and goes on when none may start. */
const HAMMER = `while :; do docker run --rm ${COUNTED} >/dev/null 2>&1; done`;

/**
 * Starts containers without a pause, does something to the host service, and expects that soon afterwards there is no
 * agent and that no container starts any more: by the containers' own word.
 */
export async function expectDownSoonAfter(host: BootedHost, disrupt: string): Promise<void> {
  const before = (await countedStarts(host)).length;
  await host.run(`sudo systemd-run --quiet --collect --unit=hammer sh -c '${HAMMER}'`);
  try {
    await until(host, `[ $(wc -l </var/lib/count/starts) -gt ${before} ]`);
    const fromCs = Number((await host.run(`${disrupt} >/dev/null 2>&1; ${NOW}`)).split('\n').at(-1));
    const downCs = await until(host, AGENT_DOWN);
    // Long enough for a start that should not be.
    await until(host, `[ $(${NOW}) -gt ${fromCs + DOWN_WITHIN_CS + 150} ]`);
    const late = (await countedStarts(host)).filter(({ atCs }) => atCs > fromCs + DOWN_WITHIN_CS);
    expect({ agentAfterCs: downCs - fromCs, late }).toEqual({ agentAfterCs: expect.any(Number), late: [] });
    expect(downCs - fromCs).toBeLessThanOrEqual(DOWN_WITHIN_CS);
    expect((await host.try('/opt/ecs-host/bin/ecs-host-gate check gate-open')).exitCode).toBe(1);
    expect((await host.try(AGENT_DOWN)).exitCode).toBe(0);
  } finally {
    await host.run('sudo systemctl stop hammer');
  }
}
