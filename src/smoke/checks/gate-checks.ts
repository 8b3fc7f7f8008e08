import type { HostState } from '#contracts/host-service.ts';
import type { Ssh } from '../../host-access/ssh.ts';
import { outsideError } from '../../io/errors.ts';
import { waitUntil } from '../../io/wait-until.ts';
import {
  describeUnits,
  GATED_UNITS,
  type GatedUnit,
  isDown,
  readHostState,
  readUnits,
  type UnitFacts,
} from '../remote-facts.ts';
import type { SmokeWebserver } from '../webserver.ts';
import type { CheckBook, Finding } from './check-book.ts';

type Units = Readonly<Record<GatedUnit, UnitFacts>>;

function idOf(unit: GatedUnit, what: string): string {
  return `gate.${unit.replace('.', '-')}-${what}`;
}

/** States of a unit file in which no boot and no socket starts it by itself. */
const NOT_STARTED_BY_BOOT = new Set(['disabled', 'static', 'indirect', 'masked']);

/** How a stranger to the host service would try to get Docker or the agent to run. */
const ATTEMPTS: readonly (readonly [id: string, command: string])[] = [
  ['gate.start-ecs-refused', 'sudo timeout 20 systemctl start ecs'],
  ['gate.start-docker-refused', 'sudo timeout 20 systemctl start docker'],
  ['gate.start-docker-socket-refused', 'sudo timeout 20 systemctl start docker.socket'],
  ['gate.start-containerd-refused', 'sudo timeout 20 systemctl start containerd'],
  ['gate.docker-client-refused', 'sudo timeout 20 docker ps'],
];

export const BEFORE_HANDSHAKE: readonly string[] = [
  ...GATED_UNITS.flatMap((unit) => [idOf(unit, 'inactive'), idOf(unit, 'disabled')]),
  ...ATTEMPTS.map(([id]) => id),
];

/** Before any handshake could succeed: everything is down, and stays down whoever knocks. */
export async function checkBeforeHandshake(ssh: Ssh, book: CheckBook): Promise<void> {
  const units = await readUnits(ssh);
  for (const unit of GATED_UNITS) {
    const facts = units[unit];
    book.record(idOf(unit, 'inactive'), { actual: facts.activeState, isCorrect: isDown(facts) });
    book.record(idOf(unit, 'disabled'), {
      actual: facts.unitFileState,
      isCorrect: NOT_STARTED_BY_BOOT.has(facts.unitFileState),
    });
  }
  for (const [id, command] of ATTEMPTS) {
    const { exitCode, stderr, durationMs } = await ssh.run(command);
    const after = await readUnits(ssh);
    const isRefused = exitCode !== 0;
    book.record(id, {
      actual: `${isRefused ? 'refused' : 'accepted'}, ${describeUnits(after)}`,
      isCorrect: isRefused && GATED_UNITS.every((unit) => isDown(after[unit])),
      durationMs,
      ...(stderr.trim() === '' ? {} : { reason: stderr }),
    });
  }
}

/** Makes the host service ask again now instead of at the end of its pause. */
function retryHandshake(ssh: Ssh): Promise<unknown> {
  return ssh.run('sudo systemctl restart --no-block ecs-host.service');
}

/** Denies, waits until the host was told, and looks. */
export async function checkDenied(
  ssh: Ssh,
  webserver: SmokeWebserver,
  book: CheckBook,
  options: {
    readonly registeredArn: () => Promise<string | null>;
    readonly askMs: number;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  webserver.decide(ssh.target.instanceId, 'deny');
  await retryHandshake(ssh);
  await waitUntil(
    `instance ${ssh.target.instanceId} to be denied`,
    async () => (webserver.denials(ssh.target.instanceId) > 0 ? true : null),
    { timeoutMs: options.askMs, intervalMs: 100, signal: options.signal },
  );
  // The answer was sent; the host service writes down what it made of it.
  const state = await waitUntil(
    'the host service to take the denial in',
    async () => {
      const now = await readHostState(ssh);
      return now?.phase === 'denied' || now?.phase === 'failed' || now?.gate === 'open' ? now : null;
    },
    { timeoutMs: 60_000, intervalMs: 200, signal: options.signal },
  ).catch(() => readHostState(ssh));
  const units = await readUnits(ssh);
  const isShut = state?.gate === 'shut' && state.phase === 'denied';
  book.record('gate.denied-stays-shut', {
    actual: `${state?.phase ?? 'no state'}, ${describeUnits(units)}`,
    isCorrect: isShut && GATED_UNITS.every((unit) => isDown(units[unit])),
  });
  const arn = await options.registeredArn();
  book.record('gate.denied-not-registered', { actual: arn ?? 'no container instance', isCorrect: arn === null });
}

/** In this time systemd has started a Docker that fails three times, and gives up. */
const DOCKER_FAILS_MS = 20_000;

type OpenOptions = {
  readonly isRetriedNow: boolean;
  readonly serveMs: number;
  readonly signal: AbortSignal;
  /** For a Docker that fails, before nothing more is waited for. */
  readonly dockerFailsMs?: number;
};

/** The host service tries for as long as it lives; who waits for it need not. @throws EcsHostError (outside) */
async function throwWhereNothingComes(ssh: Ssh, phase: HostState['phase'], isDockerLate: boolean): Promise<void> {
  const { instanceId } = ssh.target;
  if (phase !== 'agent' && !isDockerLate) return;
  const units = await readUnits(ssh);
  // An agent that gave up (exit code 5) is not started again.
  if (phase === 'agent' && units['ecs.service'].activeState === 'failed')
    throw outsideError('SMOKE_AGENT', `The ECS agent of ${instanceId} gave up before it registered.`);
  if (!isDockerLate || units['docker.service'].activeState !== 'failed') return;
  const { stdout } = await ssh.run('sudo journalctl --unit docker --no-pager --output cat --lines 20');
  throw outsideError(
    'SMOKE_DOCKER',
    `Docker of ${instanceId} does not come up: it fails again and again.`,
    undefined,
    stdout,
  );
}

/** Grants and waits until the host serves. */
export async function openGate(ssh: Ssh, webserver: SmokeWebserver, options: OpenOptions): Promise<HostState> {
  const { isRetriedNow, serveMs, signal, dockerFailsMs = DOCKER_FAILS_MS } = options;
  webserver.decide(ssh.target.instanceId, 'grant');
  if (isRetriedNow) await retryHandshake(ssh);
  let dockerSince: number | null = null;
  return waitUntil(
    `the host service of ${ssh.target.instanceId} to serve`,
    async () => {
      const state = await readHostState(ssh);
      if (state?.phase === 'docker') dockerSince ??= performance.now();
      const isDockerLate =
        state?.phase === 'docker' && dockerSince !== null && performance.now() - dockerSince >= dockerFailsMs;
      if (state !== null) await throwWhereNothingComes(ssh, state.phase, isDockerLate);
      return state?.phase === 'serving' ? state : null;
    },
    { timeoutMs: serveMs, intervalMs: 250, signal },
  );
}

function seconds(us: number): string {
  return (us / 1e6).toFixed(3);
}

/**
 * Pure: proves the order from two independent clocks' worth of witnesses, systemd for the units and the host service
 * for its phases, both on CLOCK_MONOTONIC.
 */
export function judgeOrder(state: HostState, units: Units): Finding {
  const events: readonly (readonly [string, number | null | undefined])[] = [
    ['handshake', state.reachedAtUs.handshake],
    ['docker starting', units['docker.service'].inactiveExitAtUs],
    ['docker up', units['docker.service'].activeEnterAtUs],
    ['events', state.eventsSubscribedAtUs],
    ['agent starting', units['ecs.service'].inactiveExitAtUs],
    ['agent up', units['ecs.service'].activeEnterAtUs],
  ];
  const actual = events.map(([name, at]) => `${name} ${at ? `${seconds(at)} s` : 'never'}`).join(', ');
  const times = events.map(([, at]) => at ?? 0);
  const happened = times.every((at) => at > 0);
  const inOrder = times.every((at, index) => index === 0 || at >= (times[index - 1] ?? 0));
  const socketAt = units['docker.socket'].activeEnterAtUs;
  const socketInOrder = socketAt === 0 || socketAt >= (state.reachedAtUs.handshake ?? Number.POSITIVE_INFINITY);
  return {
    actual,
    isCorrect: happened && inOrder && socketInOrder,
    ...(socketInOrder ? {} : { reason: `docker.socket was up at ${seconds(socketAt)} s, before the handshake` }),
  };
}

/** After the gate opened: state and order. */
export async function checkOpened(ssh: Ssh, state: HostState, book: CheckBook): Promise<void> {
  book.record('gate.granted-serves', {
    actual: state.phase,
    isCorrect: state.phase === 'serving' && state.gate === 'open',
  });
  book.record('gate.order', judgeOrder(state, await readUnits(ssh)));
}
