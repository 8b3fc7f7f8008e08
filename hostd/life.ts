import type { HostConfig } from '#contracts/host-config.ts';
import type { HostPhase } from '#contracts/host-service.ts';
import { reasonOf } from '#contracts/reason.ts';
import { waitForConfig } from './config.ts';
import type { Control } from './control.ts';
import { createDraining, type Draining } from './draining.ts';
import { bootCs } from './gate.ts';
import { type HandshakeOutcome, shakeHands } from './handshake.ts';
import { createHeartbeats, type Heartbeats } from './heartbeats.ts';
import { type Identity, waitForIdentity } from './imds.ts';
import { drainInEcs, type Leave, Leaving, stopAgent, stopGuarded, waitForTasks } from './leave.ts';
import { type Notice, watchNotices } from './notices.ts';
import type { Order } from './orders.ts';
import type { Parts } from './parts.ts';
import { StartRecord } from './record.ts';
import { serve } from './serve.ts';
import { AGENT_UNIT } from './units.ts';
import type { WebserverClient } from './webserver-client.ts';

/** Two minutes' warning is all that a spot instance gets. */
const INTERRUPTION_LIMIT_S = 90;

/** Until the first task is waited for, which asks for more. */
const LEAVE_MS = 60_000;

/** What a life of the service has found out when it shakes hands. */
type Life = {
  readonly parts: Parts;
  readonly leaving: Leaving;
  readonly config: Required<HostConfig>;
  readonly identity: Identity;
  readonly record: StartRecord;
};

type Granted = Life & {
  readonly client: WebserverClient;
  readonly draining: Draining;
  readonly shake: (signal: AbortSignal) => Promise<HandshakeOutcome>;
};

/** How a life ends that leaves the service waiting to be told to ask again. */
export type End = {
  readonly phase: HostPhase;
  readonly why: string;
  /** How long it waits to be told; null for ever. */
  readonly powerOffSeconds: number | null;
};

const FINAL: Readonly<Record<Exclude<Leave['cause'], 'stop'>, HostPhase>> = {
  drain: 'drained',
  interruption: 'drained',
  rebalance: 'drained',
  revoked: 'revoked',
};

const CAUSE = { drain: 'drain', revoke: 'revoked' } as const;

function endpointOf({ imdsEndpoint }: Parts): { endpoint?: string } {
  return imdsEndpoint === undefined ? {} : { endpoint: imdsEndpoint };
}

/**
 * What an order or a stop does at once, before anything is waited for: no container starts any more, the order is kept,
 * and a revoked host's agent ends. In other cases the agent still has to tell ECS of this host and of its tasks' ends:
 * its own lease goes when it does.
 */
function leaveAtOnce(parts: Parts, instanceId: () => string | null, leave: Leave): void {
  parts.gate.shut(leave.cause === 'revoked' ? 'both' : 'docker');
  void parts.state.update({ gate: 'shut' });
  const id = instanceId();
  if (id !== null && leave.isOrder === true)
    parts.orders.keep({ verb: leave.cause === 'drain' ? 'drain' : 'revoke', reason: leave.reason, instanceId: id });
  if (leave.cause === 'revoked') void stopAgent(parts);
}

function giveTasksTime(parts: Parts, why: string, limitMs: number): Promise<void> {
  return waitForTasks(
    { ...parts, extend: (ms) => parts.notify.extendTimeout(ms) },
    limitMs,
    (tasks) => void parts.state.update({ status: `${why}; ${tasks} tasks still run` }),
  );
}

/** Everything down again, in the order that loses least: tasks, the dying heartbeat, the agent, Docker. */
async function leaveHost({ parts, leaving, config, draining }: Granted, heartbeats: Heartbeats): Promise<void> {
  const { log, state, notify } = parts;
  const leave = leaving.leave as Leave;
  log.say(leave.cause === 'stop' ? 'info' : 'warning', `leaving (${leave.cause}): ${leave.reason}`);
  // ECS may take twenty seconds to answer, and a stop is given ninety.
  notify.extendTimeout(LEAVE_MS);
  await state.enter('draining', `${leave.cause}: ${leave.reason}`);
  const limitS =
    leave.cause === 'interruption' ? Math.min(config.drainSeconds, INTERRUPTION_LIMIT_S) : config.drainSeconds;
  // A host that is not trusted takes no task, whether ECS can be told of it or not: its agent is down already.
  if (leave.cause !== 'revoked') await drainInEcs(parts, draining, limitS * 1000);
  await giveTasksTime(parts, `${leave.cause}: ${leave.reason}`, limitS * 1000);
  await heartbeats.sendDying();
  parts.gate.shut();
  await stopGuarded(parts);
}

/** An order that an earlier life has heard is followed without asking anybody: tasks get what is left of their time. */
async function followOrder(parts: Parts, order: Order, config: Required<HostConfig>): Promise<End> {
  const { state, log } = parts;
  const cause = CAUSE[order.verb];
  log.say('warning', `an earlier life was ordered to ${order.verb}: ${order.reason}; the gate stays shut`);
  await state.enter('draining', `${cause}: ${order.reason}`);
  const sinceS = Math.max(0, (bootCs() - order.sinceCs) / 100);
  await giveTasksTime(parts, `${cause}: ${order.reason}`, Math.max(0, config.drainSeconds - sinceS) * 1000);
  await stopGuarded(parts);
  return { phase: FINAL[cause], why: order.reason, powerOffSeconds: config.powerOffSeconds };
}

/** The webserver lost the token: the same host shakes hands again, with the gate as it is. A denial is a revocation. */
async function shakeHandsAgain({ parts, leaving, shake }: Granted, heartbeats: Heartbeats): Promise<void> {
  parts.log.say('info', 'the webserver does not know this token; shaking hands again');
  try {
    const outcome = await shake(leaving.signal);
    if ('token' in outcome) heartbeats.renew(outcome.token);
    else leaving.begin({ cause: 'revoked', reason: `denied: ${outcome.denied}` });
  } catch (error) {
    if (!leaving.signal.aborted) throw error;
  }
}

/** A recommendation says that EC2 may take the instance, not that it will: no task ends for it unless that is asked. */
function heed({ parts, leaving, config }: Granted, { kind }: Notice): void {
  const reason = `${kind} notice of EC2`;
  if (kind === 'interruption' || config.rebalance === 'drain') {
    leaving.begin({ cause: kind, reason });
    return;
  }
  parts.log.say('warning', 'EC2 recommends to rebalance: this spot instance may be taken away; it goes on serving');
  void parts.state.update({ isRebalanceRecommended: true });
}

function watchForNotices(granted: Granted): void {
  const { parts, leaving } = granted;
  // Ends with the signal, and logs its own failures.
  void watchNotices({
    log: parts.log,
    signal: leaving.signal,
    onNotice: (notice) => heed(granted, notice),
    ...endpointOf(parts),
    ...(parts.noticeEveryMs === undefined ? {} : { everyMs: parts.noticeEveryMs }),
  });
}

/** With the gate open, until something ends it. @returns what went wrong, or null */
async function serveUntilLeaving(granted: Granted): Promise<unknown> {
  const { parts, leaving, identity, draining, record } = granted;
  try {
    leaving.signal.throwIfAborted();
    parts.gate.open('docker');
    await parts.state.update({ gate: 'open', containersSeen: record.count });
    await serve({ parts, signal: leaving.signal, account: identity, draining, record });
  } catch (error) {
    if (!leaving.signal.aborted) return error;
  }
  return null;
}

async function beGranted(granted: Granted, token: string): Promise<void> {
  const { parts, leaving, client, identity } = granted;
  parts.log.say('info', `the webserver granted ${identity.instanceId}; opening the gate`);
  const heartbeats: Heartbeats = createHeartbeats({
    client,
    identity,
    token,
    log: parts.log,
    ...(parts.heartbeatPause ? { pause: parts.heartbeatPause } : {}),
    onNews: async (news) => {
      if (news.kind === 'unknown') await shakeHandsAgain(granted, heartbeats);
      else leaving.begin({ cause: news.kind, reason: news.reason, isOrder: true });
    },
  });
  // Heartbeats go on while the host drains: until the dying one it is alive.
  const beating = new AbortController();
  const done = heartbeats.run(beating.signal);
  watchForNotices(granted);
  const failure = await serveUntilLeaving(granted);
  leaving.begin({ cause: 'stop', reason: `the service failed: ${reasonOf(failure)}` });
  await leaveHost(granted, heartbeats);
  beating.abort();
  await done;
  if (failure !== null) throw failure;
}

function openControl(parts: Parts, leaving: Leaving): Promise<Control | null> {
  return parts
    .openControl(({ verb, reason }) => leaving.begin({ cause: CAUSE[verb], reason, isOrder: true }))
    .catch((error: unknown) => {
      const trouble = `the control port cannot be opened: ${reasonOf(error)}; orders come with the heartbeats`;
      parts.log.say('error', trouble);
      return null;
    });
}

/** Asks the webserver, and serves when it grants. @returns null when the service stops */
async function shakeAndServe(life: Life, control: Control | null): Promise<End | null> {
  const { parts, leaving, config, identity } = life;
  const { log, state, connect } = parts;
  const { powerOffSeconds } = config;
  const key = await parts.hostKey();
  const shake = (signal: AbortSignal): Promise<HandshakeOutcome> =>
    shakeHands({
      client: connect(config.webserverUrl, config.webserverCa, signal),
      identity,
      environment: config.environment,
      key,
      control: control?.port ?? null,
      log,
      signal,
      onAttempt: (attempt) => state.update({ handshakeAttempts: attempt }),
    });
  const outcome = await shake(leaving.signal);
  if ('denied' in outcome) {
    log.say('error', `the webserver denied this host: ${outcome.denied}; the gate stays shut`);
    await stopGuarded(parts);
    return { phase: 'denied', why: outcome.denied, powerOffSeconds };
  }
  await parts.powerOff.cancel();
  // The dying heartbeat must get out after the signal has fired, so heartbeats have a connection of their own.
  const client = connect(config.webserverUrl, config.webserverCa, new AbortController().signal);
  const draining = createDraining(parts.ecs, identity, log, parts.paths.drained);
  await beGranted({ ...life, client, draining, shake }, outcome.token);
  const { leave } = leaving;
  return leave === null || leave.cause === 'stop'
    ? null
    : { phase: FINAL[leave.cause], why: leave.reason, powerOffSeconds };
}

/**
 * Whatever an earlier life left: no handshake of this one has succeeded, so no task may be accepted. Containers that
 * run are left alone.
 */
async function beginShut({ gate, state, units, log, powerOff }: Parts): Promise<void> {
  gate.shut();
  await state.update({ gate: 'shut' });
  await state.enter('boot', 'starting');
  await powerOff.look();
  if (['inactive', 'failed'].includes(await units.state(AGENT_UNIT).catch(() => 'unknown'))) return;
  log.say('warning', 'the agent runs although this life of the service has not shaken hands; stopping it');
  await stopAgent({ units, log });
}

/**
 * One life between boot (or being told to ask again) and its end. `onLeaving` hears when it begins to end: from then on
 * an operator may say what comes afterwards. @returns null when the service has to stop
 */
export async function liveOnce(parts: Parts, stop: AbortSignal, onLeaving: () => void): Promise<End | null> {
  const { state, log } = parts;
  let identity: Identity | null = null;
  const leaving = new Leaving((leave) => {
    leaveAtOnce(parts, () => identity?.instanceId ?? null, leave);
    onLeaving();
  });
  const { signal } = leaving;
  await beginShut(parts);
  const onStop = (): void => leaving.begin({ cause: 'stop', reason: 'the service is stopped' });
  if (stop.aborted) onStop();
  stop.addEventListener('abort', onStop, { once: true });
  let control: Control | null = null;
  try {
    const onWaiting = (problem: string): Promise<void> => state.update({ status: problem });
    const config = await waitForConfig(parts.paths.config, { log, signal, onWaiting });
    await state.enter('network', 'waiting for the metadata service');
    identity = await waitForIdentity({ log, signal, ...endpointOf(parts) });
    await state.update({ instanceId: identity.instanceId });
    const order = parts.orders.find(identity.instanceId);
    if (order !== null) {
      onLeaving();
      return await followOrder(parts, order, config);
    }
    await state.enter('handshake', `asking ${config.webserverUrl}`);
    control = await openControl(parts, leaving);
    const record = new StartRecord(log, parts.paths.starts);
    return await shakeAndServe({ parts, leaving, config, identity, record }, control);
  } catch (error) {
    if (!signal.aborted) throw error;
    return null;
  } finally {
    stop.removeEventListener('abort', onStop);
    await control?.[Symbol.asyncDispose]();
  }
}
