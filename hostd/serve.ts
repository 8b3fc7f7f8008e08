import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '#contracts/reason.ts';
import { fullJitterMs } from './backoff.ts';
import { Containers } from './containers.ts';
import type { Draining } from './draining.ts';
import type { ContainerInstance, EcsAccount } from './ecs.ts';
import { Events } from './events.ts';
import { stopAgent } from './leave.ts';
import type { Parts } from './parts.ts';
import { Placer } from './placer.ts';
import { followPulse } from './pulse.ts';
import type { StartRecord } from './record.ts';
import { Resources } from './resources.ts';
import { Stall } from './stall.ts';
import { monotonicUs } from './state.ts';
import { AGENT_UNIT, CONTAINERD_UNIT, DOCKER_UNIT } from './units.ts';
import { followWitness } from './witness.ts';

/** An agent that does not listen yet costs a connection that is refused; systemd costs a process. */
const ASK_AGENT_MS = 50;
const ASK_SYSTEMD_MS = 500;
/** Looks at an agent that is down, until it is started again: two seconds. */
const START_AGAIN = 4;
const SAY_AFTER_MS = 10_000;
/** A comparison with everything that Docker has costs one question. */
const COMPARE_EVERY_MS = 10_000;

/** What serves between a granted handshake and its end. */
export type Serving = {
  readonly parts: Parts;
  readonly signal: AbortSignal;
  readonly account: EcsAccount;
  readonly draining: Draining;
  readonly record: StartRecord;
};

/** The agent is down and another start may help: it was stopped, or took too long to stop. */
async function isDown(units: Parts['units'], state: string): Promise<boolean> {
  return state === 'inactive' || (state === 'failed' && !(await units.gaveUp(AGENT_UNIT)));
}

/** How systemd sees an agent that has not registered yet. One that is down is started again, one that gave up said. */
async function lookAtAgent({ units, log }: Parts, looks: number): Promise<string> {
  const state = await units.state(AGENT_UNIT);
  // Somebody has stopped it since: the guard, who saw the gate as it was a moment ago.
  if (looks > 0 && looks % START_AGAIN === 0 && (await isDown(units, state)))
    await units.start([AGENT_UNIT], { noBlock: true });
  if (state === 'failed' && (await units.gaveUp(AGENT_UNIT)))
    log.once('agent', 'error', `${AGENT_UNIT} gave up; \`journalctl -u ecs\` says why`);
  return state;
}

/**
 * Only a registered agent is sent tasks. It is asked often; systemd, whether what answers is the agent, when somebody
 * has answered, and otherwise now and then.
 */
async function waitUntilRegistered({ parts, signal, account }: Serving): Promise<ContainerInstance> {
  const { ecs, log } = parts;
  const sinceMs = performance.now();
  let [lookedMs, doubtedMs] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let looks = 0; ; await sleep(ASK_AGENT_MS, undefined, { signal })) {
    signal.throwIfAborted();
    try {
      const answer = await ecs.instance(account).catch((error: unknown) => ({ trouble: reasonOf(error) }));
      if ('trouble' in answer && performance.now() - sinceMs >= SAY_AFTER_MS)
        log.once('agent', 'warning', `the ECS agent has not registered yet: ${answer.trouble}`);
      const before = 'trouble' in answer ? lookedMs : doubtedMs;
      if (performance.now() - before < ASK_SYSTEMD_MS) continue;
      lookedMs = performance.now();
      const state = await lookAtAgent(parts, looks);
      looks += 1;
      if ('trouble' in answer) continue;
      if (state === 'active') return answer;
      doubtedMs = performance.now();
    } catch (error) {
      log.once('agent-unit', 'warning', reasonOf(error));
    }
  }
}

/**
 * What is not up is started. A Docker that runs is left alone: its socket unit may have failed meanwhile, systemd does
 * not start that beside it, and dockerd listens on all the same. A containerd that died while the gate was shut was not
 * let in again.
 */
async function bringUp({ units, log }: Parts): Promise<void> {
  if ((await units.state(DOCKER_UNIT)) !== 'active') await units.start(['docker.socket', DOCKER_UNIT]);
  if ((await units.state(CONTAINERD_UNIT)) === 'active') return;
  await units
    .start([CONTAINERD_UNIT])
    .catch((error: unknown) => log.once('containerd', 'error', `containerd does not start: ${reasonOf(error)}`));
}

/** Docker must run before anything is subscribed to; one that fails is tried again with the gate open. */
async function startDocker(parts: Parts, signal: AbortSignal): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await bringUp(parts);
    } catch (error) {
      signal.throwIfAborted();
      parts.log.once('docker', 'error', `Docker does not start: ${reasonOf(error)}; trying again`);
      await sleep(1000 + fullJitterMs(attempt, { baseMs: 1000, capMs: 30_000 }), undefined, { signal });
    }
  }
}

/**
 * systemd brings a crashed Docker back until its start limit; then nobody would. A Docker that somebody stopped stays
 * stopped.
 */
async function reviveDocker(parts: Parts, signal: AbortSignal): Promise<void> {
  if ((await parts.units.state(DOCKER_UNIT).catch(() => 'unknown')) !== 'failed') return;
  parts.log.once('docker', 'error', 'docker.service has failed; starting it again');
  await startDocker(parts, signal);
}

/**
 * Amazon's unit is PartOf Docker's: a Docker that is stopped takes the agent with it, and one that is started again
 * does not bring it back. One that gave up stays down.
 */
async function bringAgentBack({ units, gate, log }: Parts): Promise<void> {
  if (!gate.isOpen('agent')) return;
  const state = await units.state(AGENT_UNIT).catch(() => 'unknown');
  if (!(await isDown(units, state).catch(() => false))) return;
  log.say('info', 'Docker is back; starting the agent, which went with it');
  await units.start([AGENT_UNIT], { noBlock: true }).catch((error: unknown) => log.say('error', reasonOf(error)));
}

/** The agent's gate, the agent, and its registration. */
async function startAgent(serving: Serving): Promise<void> {
  const { parts, signal, draining } = serving;
  await parts.state.enter('agent', 'starting the ECS agent, which registers');
  signal.throwIfAborted();
  parts.gate.open('agent');
  await parts.units.start([AGENT_UNIT], { noBlock: true });
  await draining.end(await waitUntilRegistered(serving), signal);
  signal.throwIfAborted();
  await parts.state.enter('serving', 'accepting tasks');
  parts.log.say('info', 'serving');
}

/** Asks Docker for its pulse: a host whose Docker is silent takes no tasks, and in the end its Docker is ended. */
function watchPulse({ parts, signal }: Serving, events: Events, agentAgain: () => Promise<void>): Promise<void> {
  const { docker, log, state, gate, units, watchdog, pulseTimes } = parts;
  return followPulse({
    docker,
    signal,
    ...(pulseTimes ? { times: pulseTimes } : {}),
    onRound: () => watchdog.round(),
    onSilent: async (why) => {
      log.say('error', `Docker is silent: ${why}; this host takes no tasks until it answers`);
      gate.shut('agent');
      await Promise.all([stopAgent(parts), state.enter('docker', `Docker is silent: ${why}`)]);
    },
    onStillSilent: async () => {
      // One that somebody stopped stays stopped.
      if ((await units.state(DOCKER_UNIT).catch(() => 'unknown')) !== 'active') return;
      log.say('error', 'Docker is still silent; it is killed, and systemd starts it again');
      await units.kill(DOCKER_UNIT).catch((error: unknown) => log.say('warning', reasonOf(error)));
    },
    onBack: async () => {
      log.say('info', 'Docker answers again');
      events.again();
      await agentAgain();
    },
  });
}

/**
 * Compares, until the signal fires, what is ready with what runs; and looks whether Docker still tells of what it
 * does.
 */
async function compareAgain(
  { parts, signal }: Serving,
  containers: Containers,
  stall: Stall,
  events: Events,
): Promise<void> {
  const { docker, log, compareEveryMs = COMPARE_EVERY_MS } = parts;
  while (!signal.aborted) {
    await sleep(compareEveryMs, undefined, { signal }).catch(() => undefined);
    try {
      await containers.reconcile();
      const late = await stall.late(async (id) => (await docker.look(id))?.isRunning === true);
      if (late === null) continue;
      log.say('warning', `Docker told nothing of the start of ${late.slice(0, 12)}; subscribing to its events again`);
      events.again();
    } catch {
      // A Docker that does not answer is the pulse's to tell of.
    }
  }
}

/** From a granted handshake until something ends it: Docker, events, agent, serving. */
export async function serve(serving: Serving): Promise<void> {
  const { parts, record } = serving;
  const { log, state, docker, paths, gate } = parts;
  const ended = new AbortController();
  const signal = AbortSignal.any([serving.signal, ended.signal]);
  const placer = new Placer(log, paths.placer);
  const stall = new Stall();
  const containers = new Containers({
    docker,
    resources: new Resources(placer, log, paths.assigned),
    log,
    signal,
  });
  const witnessing = followWitness({
    record,
    log,
    signal,
    onStarts: (starts) => {
      void state.update({ containersSeen: record.count });
      for (const { id } of starts) {
        stall.witnessed(id);
        containers.started({ id });
      }
    },
  });
  try {
    await state.enter('docker', 'starting Docker');
    await startDocker(parts, signal);
    await state.enter('events', "subscribing to Docker's events");
    const events = new Events({
      docker,
      log,
      signal,
      onEvent: (event) => {
        stall.told(event.id);
        containers.take(event);
      },
      compare: async () => {
        await containers.compare();
        await bringAgentBack(parts);
      },
      onLost: () => reviveDocker(parts, signal),
    });
    const following = events.run();
    await Promise.race([events.confirmed, following]);
    serving.signal.throwIfAborted();
    await state.update({ eventsSubscribedAtUs: monotonicUs() });
    // The guard, which saw the leases run out, has stopped the agent.
    gate.onLapse = () => {
      log.say('warning', 'the leases of the gate ran out for a moment: late, or not to be written');
      if (gate.isOpen('agent')) void parts.units.start([AGENT_UNIT], { noBlock: true }).catch(() => undefined);
    };
    const agentAgain = async (): Promise<void> => {
      await startDocker(parts, signal);
      startAgent(serving).catch((error: unknown) => {
        if (!signal.aborted) log.say('error', `the agent cannot be started again: ${reasonOf(error)}`);
      });
    };
    const pulse = watchPulse(serving, events, agentAgain);
    // Ends with the signal, and no failure ends it.
    void compareAgain(serving, containers, stall, events);
    await Promise.all([startAgent(serving), following, pulse]);
  } finally {
    ended.abort();
    gate.onLapse = () => undefined;
    parts.watchdog.round(null);
    await witnessing;
    placer.close();
  }
}
