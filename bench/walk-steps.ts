import { setTimeout as sleep } from 'node:timers/promises';
import { bootCs } from '../hostd/gate.ts';
import type { BootedHost } from '../test/e2e/booted-host.ts';
import { installFaketime, setClock } from '../test/e2e/machine-edits.ts';
import { tellHost } from '../webserver/control-client.ts';
import type { WalkEvent } from './walk-judge.ts';

/** Of a host that beats every 65 s at most. */
const HEARTBEAT_CS = 7000;

export type Walker = {
  readonly host: BootedHost;
  readonly random: () => number;
  /** What the gate depends on, as it happened. */
  readonly events: WalkEvent[];
};

type Step = (walker: Walker) => Promise<void>;

function pick<T>({ random }: Walker, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)] as T;
}

/** As root, and the time in the machine once it was done. */
async function order({ host }: Walker, command: string): Promise<number> {
  const { output } = await host.try(
    `sudo timeout 20 sh -c '${command}' >/dev/null 2>&1; cut -d " " -f 1 /proc/uptime | tr -d .`,
  );
  return Number(output) || bootCs();
}

function decide(...decisions: Parameters<BootedHost['decide']>[0][]): Step {
  return async (walker) => walker.host.decide(pick(walker, decisions));
}

const GRANT = { kind: 'grant' } as const;
const DENY = { kind: 'deny', reason: 'a walk' } as const;

/** On the webserver, and at once on the host. One that does not hear it hears it with a heartbeat. */
function tell(verb: 'drain' | 'revoke'): Step {
  return async ({ host, events }) => {
    const control = host.webserver.hosts.controlOf(host.instanceId);
    const isHeard =
      control !== null &&
      (await tellHost(host.address, control.port, verb, 'a walk').then(
        () => true,
        () => false,
      ));
    await host.webserver[verb](host.instanceId, 'a walk');
    events.push({ cs: bootCs() + (isHeard ? 0 : HEARTBEAT_CS), kind: verb === 'revoke' ? 'end' : 'leave', what: verb });
  };
}

/** An order that no host has heard yet is never heard once it was taken back. */
async function takeBack({ host, events }: Walker): Promise<void> {
  await host.takeBack().catch(() => undefined);
  const now = bootCs();
  const unheard = events.filter(({ cs, what }) => cs > now && (what === 'drain' || what === 'revoke'));
  for (const event of unheard) events.splice(events.indexOf(event), 1);
}

/**
 * An order to systemd about the host service that ends its life. When systemd stops a service it sends SIGCONT, too.
 */
function ends(command: string, kind: 'end' | 'leave' = 'end'): Step {
  return async (walker) => {
    if (/systemctl (stop|restart)/.test(command))
      walker.events.push({ cs: bootCs(), kind: 'thawed', what: 'SIGCONT of systemd' });
    walker.events.push({ cs: await order(walker, command), kind, what: command });
  };
}

function does(...commands: string[]): Step {
  return async (walker) => void (await order(walker, pick(walker, commands)));
}

const MAIN = 'systemctl kill --kill-who=main --signal';

const freeze: Step = async (walker) => {
  walker.events.push({ cs: await order(walker, `${MAIN}=STOP ecs-host`), kind: 'frozen', what: 'SIGSTOP' });
  await sleep(walker.random() * 8000);
};

const thaw: Step = async (walker) => {
  // Noted before it happens: from then on it may go on.
  walker.events.push({ cs: bootCs(), kind: 'thawed', what: 'SIGCONT' });
  await order(walker, `${MAIN}=CONT ecs-host`);
};

const CLOCK = '/etc/faketimerc';
function clockOrder(seconds: number): string {
  return `echo ${seconds >= 0 ? '+' : ''}${seconds} >${CLOCK}`;
}

const stepClock: Step = async (walker) => {
  const farthestS = pick(walker, [600, 7200, 200_000]);
  await order(walker, clockOrder(Math.round((walker.random() * 2 - 1) * farthestS)));
};

/** Each with how often it is taken. */
const STEPS: readonly (readonly [name: string, times: number, step: Step])[] = [
  ['decide grant', 6, decide(GRANT)],
  ['decide deny', 2, decide(DENY)],
  ['decide error', 2, decide({ kind: 'error', status: 503 }, { kind: 'error', status: 500 })],
  ['decide nonsense', 1, decide({ kind: 'nonsense', body: '{"version":1' }, { kind: 'nonsense', body: '{}' })],
  [
    'decide delay',
    2,
    decide(
      { kind: 'delay', delayMs: 3000, afterwards: GRANT },
      { kind: 'delay', delayMs: 3000, afterwards: DENY },
      { kind: 'delay', delayMs: 12_000, afterwards: GRANT },
    ),
  ],
  ['drain', 2, tell('drain')],
  ['revoke', 2, tell('revoke')],
  ['take back', 4, takeBack],
  ['forget', 1, async ({ host }) => void host.webserver.forget(host.instanceId)],
  ['start', 3, does('systemctl start --no-block ecs-host')],
  ['stop', 2, ends('systemctl stop --no-block ecs-host', 'leave')],
  ['restart', 2, ends('systemctl restart --no-block ecs-host', 'leave')],
  ['reload', 3, does('systemctl reload ecs-host')],
  ['kill', 3, ends('systemctl kill --signal=KILL ecs-host')],
  ['kill again and again', 1, ends('for i in 1 2 3 4; do systemctl kill --signal=KILL ecs-host; sleep 1; done')],
  ['terminate', 1, ends(`${MAIN}=TERM ecs-host`, 'leave')],
  ['abort', 1, ends(`${MAIN}=ABRT ecs-host`)],
  ['freeze', 2, freeze],
  ['thaw', 3, thaw],
  [
    'start others',
    4,
    does(
      ...['docker', 'docker.socket', 'containerd', 'ecs', 'ecs-host-guard'].map(
        (unit) => `systemctl start --no-block ${unit}`,
      ),
    ),
  ],
  [
    'stop others',
    2,
    does(
      ...['docker', 'docker.socket docker', 'containerd', 'ecs', 'ecs-host-guard'].map(
        (unit) => `systemctl stop --no-block ${unit}`,
      ),
    ),
  ],
  [
    'kill others',
    3,
    does(...['docker', 'containerd', 'ecs', 'ecs-host-guard'].map((unit) => `systemctl kill --signal=KILL ${unit}`)),
  ],
  ['freeze others', 1, does(`${MAIN}=STOP docker`, `${MAIN}=STOP containerd`, `${MAIN}=STOP ecs`)],
  [
    'forge',
    1,
    does(
      'echo 99999999999 >/run/ecs-host/gate-open',
      'echo 99999999999 >/run/ecs-host/agent-open',
      ': >/run/ecs-host/gate-open',
    ),
  ],
  ['step the clock', 2, stepClock],
];

const WEIGHED = STEPS.flatMap(([name, times, step]) => Array.from({ length: times }, () => ({ name, step })));

/** @returns its name */
export async function takeStep(walker: Walker): Promise<string> {
  const { name, step } = pick(walker, WEIGHED);
  await step(walker);
  return name;
}

/** Everybody means well again: the host must serve. @throws Error when it does not */
export async function settle(walker: Walker): Promise<void> {
  const { host } = walker;
  host.decide(GRANT);
  await thaw(walker);
  await order(
    walker,
    `${clockOrder(0)}
    for unit in docker containerd ecs; do ${MAIN}=CONT $unit; done
    systemctl start ecs-host-guard
    systemctl start --no-block ecs-host`,
  );
  const until = performance.now() + 150_000;
  for (;;) {
    const phase = (await host.state())?.phase ?? 'failed';
    const units = await host.units();
    if (phase === 'serving' && units === 'active active active active') return;
    if (['denied', 'revoked', 'drained'].includes(phase)) await takeBack(walker);
    // What an operator stopped, an operator starts.
    if (phase === 'serving' || phase === 'docker')
      await order(walker, 'systemctl start docker.socket docker containerd; systemctl start --no-block ecs');
    if (performance.now() > until) throw new Error(`the host does not serve again: ${phase}, ${units}`);
    await sleep(500);
  }
}

/** The service gets a clock of its own; machines of the lab share this machine's. */
export async function giveClock(host: BootedHost): Promise<void> {
  await installFaketime(host);
  await setClock(host, '+0');
  await host.run('sudo systemctl restart ecs-host');
}
