import { setTimeout as sleep } from 'node:timers/promises';
import type { HostConfig } from '#contracts/host-config.ts';
import { HOST_CONFIG_PATH, type HostPhase } from '#contracts/host-service.ts';
import { fullJitterMs } from './backoff.ts';
import { waitForConfig } from './config.ts';
import { createContainers } from './containers.ts';
import type { Control, ControlOrder } from './control.ts';
import type { DockerClient } from './docker.ts';
import { createDraining, type Draining } from './draining.ts';
import type { ContainerInstance, Ecs } from './ecs.ts';
import { followEvents } from './events.ts';
import type { Gate } from './gate.ts';
import { type HandshakeOutcome, shakeHands } from './handshake.ts';
import { createHeartbeats, type Heartbeats } from './heartbeats.ts';
import type { HostKey } from './host-key.ts';
import { type Identity, waitForIdentity } from './imds.ts';
import { AGENT_UNIT, drainTasks, type Leave, stopGuarded } from './leave.ts';
import type { Log } from './log.ts';
import { waitForNotice } from './notices.ts';
import type { Notify } from './notify.ts';
import { createResources } from './resources.ts';
import { Starts } from './starts.ts';
import { monotonicUs, type StateKeeper } from './state.ts';
import type { Units } from './units.ts';
import { createWebserverClient, type WebserverClient } from './webserver-client.ts';

export const DOCKER_UNITS = ['docker.socket', 'docker.service'] as const;

/** Two minutes' warning is all that a spot instance gets. */
const INTERRUPTION_LIMIT_S = 90;

export type Parts = {
  readonly log: Log;
  readonly state: StateKeeper;
  readonly notify: Notify;
  readonly units: Units;
  readonly gate: Gate;
  readonly docker: DockerClient;
  readonly ecs: Ecs;
  readonly hostKey: () => Promise<HostKey>;
  /** Opens the control port; null in the handshake when it cannot be opened. */
  readonly openControl: (onOrder: (order: ControlOrder) => void) => Promise<Control>;
  readonly configPath?: string;
  readonly imdsEndpoint?: string;
  readonly containersFolder?: string;
  readonly startsPath?: string;
  readonly drainedPath?: string;
  readonly noticeEveryMs?: number;
  readonly heartbeatPause?: { readonly leastMs: number; readonly spreadMs: number };
  readonly connect?: (origin: string, ca: string | null, signal: AbortSignal) => WebserverClient;
};

/** What reaches the service from outside: the end, and being told to ask again after a final no. */
export type Signals = {
  readonly stop: AbortSignal;
  /** Resolves at the next "ask again" (SIGHUP). */
  readonly askAgain: () => Promise<void>;
};

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Only a registered agent is sent tasks. */
const waitUntilRegistered = async ({ units, ecs, log }: Parts, signal: AbortSignal): Promise<ContainerInstance> => {
  for (let tries = 0; ; tries += 1) {
    signal.throwIfAborted();
    try {
      const state = await units.state(AGENT_UNIT);
      if (state === 'active') return await ecs.instance();
      if (state === 'failed') log.once('agent', 'error', `${AGENT_UNIT} gave up; \`journalctl -u ecs\` says why`);
    } catch (error) {
      if (tries === 200) log.once('agent', 'warning', `the ECS agent has not registered yet: ${reason(error)}`);
    }
    await sleep(50, undefined, { signal });
  }
};

/**
 * Docker must run before anything is subscribed to; one that fails is tried again with the gate open. One that runs is left alone: its socket
 * unit may have failed meanwhile, systemd does not start that beside it, and dockerd listens on all the same.
 */
const startDocker = async (parts: Parts, signal: AbortSignal): Promise<void> => {
  for (let attempt = 0; ; attempt += 1) {
    try {
      if ((await parts.units.state('docker.service')) !== 'active') await parts.units.start(DOCKER_UNITS);
      return;
    } catch (error) {
      signal.throwIfAborted();
      parts.log.once('docker', 'error', `Docker does not start: ${reason(error)}; trying again`);
      await sleep(1000 + fullJitterMs(attempt, { baseMs: 1000, capMs: 30_000 }), undefined, { signal });
    }
  }
};

/** systemd brings a crashed Docker back until its start limit; then nobody would. A Docker that somebody stopped stays stopped. */
const reviveDocker = async (parts: Parts, signal: AbortSignal): Promise<void> => {
  if ((await parts.units.state('docker.service').catch(() => 'unknown')) !== 'failed') return;
  parts.log.once('docker', 'error', 'docker.service has failed; starting it again');
  await startDocker(parts, signal);
};

/** An abort with its cause; the first one counts. */
class Leaving {
  readonly #controller = new AbortController();
  leave: Leave | null = null;
  get signal(): AbortSignal {
    return this.#controller.signal;
  }
  begin(leave: Leave): void {
    if (this.leave !== null) return;
    this.leave = leave;
    this.#controller.abort();
  }
}

type Turn = {
  readonly parts: Parts;
  readonly leaving: Leaving;
  readonly config: Required<HostConfig>;
  readonly identity: Identity;
  readonly client: WebserverClient;
  readonly draining: Draining;
  readonly shake: (signal: AbortSignal) => Promise<HandshakeOutcome>;
};

/** From a granted handshake until something ends it: Docker, events, agent, serving. */
const serve = async ({ parts, leaving, identity, draining }: Turn): Promise<void> => {
  const { log, state, docker } = parts;
  const { signal } = leaving;
  await state.enter('docker', 'starting Docker');
  await startDocker(parts, signal);

  await state.enter('events', "subscribing to Docker's events");
  const starts = new Starts(parts.startsPath);
  await state.update({ containersSeen: starts.count });
  const containers = createContainers({
    docker,
    resources: createResources(parts.containersFolder),
    starts,
    log,
    signal,
    onSeen: (seen) => void state.update({ containersSeen: seen }),
  });
  const confirmed = Promise.withResolvers<void>();
  const following = followEvents({
    docker,
    containers,
    log,
    signal,
    onConfirmed: async () => {
      await state.update({ eventsSubscribedAtUs: monotonicUs() });
      confirmed.resolve();
    },
    onLost: () => reviveDocker(parts, signal),
  });
  await Promise.race([confirmed.promise, following]);
  signal.throwIfAborted();

  await state.enter('agent', 'starting the ECS agent, which registers');
  await parts.units.start([AGENT_UNIT], { noBlock: true });
  const instance = await waitUntilRegistered(parts, signal);
  await draining.end(instance, identity.region, signal);
  await state.enter('serving', 'accepting tasks');
  log.say('info', 'serving');
  await following;
};

/** Everything down again, in the order that loses least: tasks, the last words, the agent, Docker. */
const leaveHost = async (turn: Turn, heartbeats: Heartbeats, leave: Leave): Promise<void> => {
  const { parts, config, identity, draining } = turn;
  const { log, state, units } = parts;
  log.say(leave.cause === 'stop' ? 'info' : 'warning', `leaving (${leave.cause}): ${leave.reason}`);
  await state.enter('draining', `${leave.cause}: ${leave.reason}`);
  // From here on nothing that is down comes up again; what runs goes on running.
  await parts.gate.shut();
  await state.update({ gate: 'shut' });
  const limitS =
    leave.cause === 'interruption' ? Math.min(config.drainSeconds, INTERRUPTION_LIMIT_S) : config.drainSeconds;
  await drainTasks({
    draining,
    docker: parts.docker,
    units,
    region: identity.region,
    limitMs: limitS * 1000,
    log,
    onWaiting: (tasks) => state.update({ status: `${leave.cause}: ${leave.reason}; ${tasks} tasks still run` }),
  });
  await heartbeats.lastWords();
  await stopGuarded(parts);
};

/** The webserver lost the token: the same host shakes hands again, with the gate as it is. A denial is a revocation. */
const shakeHandsAgain = async ({ parts, leaving, shake }: Turn, heartbeats: Heartbeats): Promise<void> => {
  parts.log.say('info', 'the webserver does not know this token; shaking hands again');
  try {
    const outcome = await shake(leaving.signal);
    if ('token' in outcome) heartbeats.renew(outcome.token);
    else leaving.begin({ cause: 'revoked', reason: `denied: ${outcome.denied}` });
  } catch (error) {
    if (!leaving.signal.aborted) throw error;
  }
};

const granted = async (turn: Turn, token: string): Promise<void> => {
  const { parts, leaving, client, identity } = turn;
  const { log, state, gate } = parts;
  log.say('info', `the webserver granted ${identity.instanceId}; opening the gate`);
  const heartbeats: Heartbeats = createHeartbeats({
    client,
    identity,
    token,
    log,
    ...(parts.heartbeatPause ? { pause: parts.heartbeatPause } : {}),
    onNews: async (news) => {
      if (news.kind === 'unknown') await shakeHandsAgain(turn, heartbeats);
      else leaving.begin({ cause: news.kind, reason: news.reason });
    },
  });
  // Heartbeats go on while the host drains: until its last words it is alive.
  const beating = new AbortController();
  const done = heartbeats.run(beating.signal);
  void waitForNotice({
    log,
    signal: leaving.signal,
    ...(parts.imdsEndpoint === undefined ? {} : { endpoint: parts.imdsEndpoint }),
    ...(parts.noticeEveryMs === undefined ? {} : { everyMs: parts.noticeEveryMs }),
  }).then((notice) => {
    if (notice) leaving.begin({ cause: 'interruption', reason: `${notice.kind} notice of EC2` });
  });
  let failure: unknown = null;
  try {
    await gate.open();
    await state.update({ gate: 'open' });
    await serve(turn);
  } catch (error) {
    if (!leaving.signal.aborted) failure = error;
  }
  leaving.begin({ cause: 'stop', reason: `the service failed: ${reason(failure)}` });
  await leaveHost(turn, heartbeats, leaving.leave as Leave);
  beating.abort();
  await done;
  if (failure !== null) throw failure;
};

const FINAL: Readonly<Record<Exclude<Leave['cause'], 'stop'>, HostPhase>> = {
  drain: 'drained',
  interruption: 'drained',
  revoked: 'revoked',
};

/** One life between boot (or being told to ask again) and a final state. Returns that state, or null when the service has to stop. */
const liveOnce = async (parts: Parts, stop: AbortSignal): Promise<{ phase: HostPhase; why: string } | null> => {
  const { state, log, gate, units } = parts;
  // Whatever an earlier life of this service left: no handshake of this one has succeeded, so no task may be accepted. Running containers
  // are left alone until the webserver has spoken.
  await gate.shut();
  await state.update({ gate: 'shut' });
  await state.enter('boot', 'starting');
  if ((await units.state(AGENT_UNIT)) === 'active') {
    log.say('warning', 'the agent runs although this life of the service has not shaken hands; stopping it');
    await units.stop([AGENT_UNIT]);
  }
  const leaving = new Leaving();
  const onStop = (): void => leaving.begin({ cause: 'stop', reason: 'the service is stopped' });
  if (stop.aborted) onStop();
  stop.addEventListener('abort', onStop, { once: true });
  const { signal } = leaving;
  let control: Control | null = null;
  try {
    const config = await waitForConfig(parts.configPath ?? HOST_CONFIG_PATH, {
      log,
      signal,
      onWaiting: (problem) => state.update({ status: problem }),
    });
    await state.enter('network', 'waiting for the metadata service');
    const identity = await waitForIdentity({
      log,
      signal,
      ...(parts.imdsEndpoint === undefined ? {} : { endpoint: parts.imdsEndpoint }),
    });
    await state.update({ instanceId: identity.instanceId });

    await state.enter('handshake', `asking ${config.webserverUrl}`);
    control = await parts
      .openControl(({ verb, reason: why }) =>
        leaving.begin({ cause: verb === 'drain' ? 'drain' : 'revoked', reason: why }),
      )
      .catch((error: unknown) => {
        log.say('error', `the control port cannot be opened: ${reason(error)}; orders come with the heartbeats`);
        return null;
      });
    const connect = parts.connect ?? createWebserverClient;
    const key = await parts.hostKey();
    const port = control?.port ?? null;
    const shake = (shakeSignal: AbortSignal): Promise<HandshakeOutcome> =>
      shakeHands({
        client: connect(config.webserverUrl, config.webserverCa, shakeSignal),
        identity,
        environment: config.environment,
        key,
        control: port,
        log,
        signal: shakeSignal,
        onAttempt: (attempt) => state.update({ handshakeAttempts: attempt }),
      });
    const outcome = await shake(signal);
    if ('denied' in outcome) {
      log.say('error', `the webserver denied this host: ${outcome.denied}; the gate stays shut`);
      await stopGuarded(parts);
      return { phase: 'denied', why: outcome.denied };
    }
    // The last words must get out after `signal` has fired, so heartbeats have a connection of their own.
    const client = connect(config.webserverUrl, config.webserverCa, new AbortController().signal);
    const draining = createDraining(parts.ecs, log, parts.drainedPath);
    await granted({ parts, leaving, config, identity, client, draining, shake }, outcome.token);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    stop.removeEventListener('abort', onStop);
    await control?.[Symbol.asyncDispose]();
  }
  const { leave } = leaving;
  return leave === null || leave.cause === 'stop' ? null : { phase: FINAL[leave.cause], why: leave.reason };
};

/**
 * The host service, from boot to stop. The order is the design: handshake, Docker, events, agent. Returns when it is stopped and everything
 * that it started is down again with the gate shut. A final no (denied, revoked, drained) leaves it waiting to be told to ask again.
 */
export const runService = async (parts: Parts, signals: Signals): Promise<void> => {
  const { state, notify, log } = parts;
  const { stop } = signals;
  notify.ready();
  try {
    while (!stop.aborted) {
      const end = await liveOnce(parts, stop);
      if (end === null || stop.aborted) break;
      // Listened for before the state says so: whoever sees it may answer at once.
      const told = signals.askAgain();
      const stopped = new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve(), { once: true }));
      await state.enter(end.phase, `${end.why}; \`systemctl reload ecs-host\` asks again`);
      if (stop.aborted) break;
      // Nothing else is under way in a final state, and Node would end.
      const alive = setInterval(() => undefined, 60_000);
      await Promise.race([told, stopped]);
      clearInterval(alive);
      if (!stop.aborted) log.say('info', 'told to ask again');
    }
    notify.stopping();
    await state.enter('stopped', 'stopped');
  } catch (error) {
    await parts.gate.shut();
    await state.update({ gate: 'shut' });
    await state.enter('failed', 'failed; see the journal');
    throw error;
  }
};
