import { freemem, totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { HOST_CONFIG_PATH } from '#contracts/host-service.ts';
import { fullJitterMs } from './backoff.ts';
import { waitForConfig } from './config.ts';
import { type Containers, createContainers } from './containers.ts';
import type { DockerClient } from './docker.ts';
import { followEvents } from './events.ts';
import type { Gate } from './gate.ts';
import { type Identity, waitForIdentity } from './imds.ts';
import type { Log } from './log.ts';
import { monotonicUs, type StateKeeper } from './state.ts';
import type { Units } from './units.ts';
import { createWebserverClient, type WebserverClient, WebserverTrouble } from './webserver-client.ts';

export const DOCKER_UNITS = ['docker.socket', 'docker.service'] as const;
export const AGENT_UNIT = 'ecs.service';

/** 55 to 65 s, as the first protocol had it. */
const HEARTBEAT = { leastMs: 55_000, spreadMs: 10_000 };
const HANDSHAKE_RETRY = { baseMs: 500, capMs: 20_000 };
const LAST_WORDS_MS = 5000;

export type Parts = {
  readonly log: Log;
  readonly state: StateKeeper;
  readonly units: Units;
  readonly gate: Gate;
  readonly docker: DockerClient;
  readonly configPath?: string;
  readonly imdsEndpoint?: string;
  readonly containersFolder?: string;
  readonly connect?: (origin: string, ca: string | null, signal: AbortSignal) => WebserverClient;
};

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Asks until the webserver grants or denies; a webserver that is away is asked again for as long as it takes. */
const shakeHands = async (
  parts: Parts,
  client: WebserverClient,
  identity: Identity,
  signal: AbortSignal,
): Promise<{ token: string } | { denied: string }> => {
  for (let attempt = 0; ; attempt += 1) {
    await parts.state.update({ handshakeAttempts: attempt + 1 });
    try {
      const answer = await client.handshake({
        version: 1,
        instanceId: identity.instanceId,
        instanceType: identity.instanceType,
        region: identity.region,
        imageId: identity.imageId,
        identityDocument: identity.document,
        identitySignature: identity.signature,
      });
      return 'denied' in answer ? { denied: answer.reason } : { token: answer.authToken };
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof WebserverTrouble)) throw error;
      parts.log.once('handshake', 'warning', `handshake: ${error.message}; asking again until it answers`);
      await sleep(fullJitterMs(attempt, HANDSHAKE_RETRY), undefined, { signal });
    }
  }
};

type Heartbeats = { run(signal: AbortSignal): Promise<void>; lastWords(): Promise<void> };

const createHeartbeats = (
  parts: Parts,
  client: WebserverClient,
  identity: Identity,
  firstToken: string,
): Heartbeats => {
  let token = firstToken;
  let number = 0;
  const send = async (isDyingHeartbeat: boolean): Promise<void> => {
    const answer = await client.heartbeat(token, {
      version: 1,
      timestamp: new Date().toISOString(),
      heartbeatNumber: number,
      instanceId: identity.instanceId,
      totalMemoryKiB: Math.floor(totalmem() / 1024),
      freeMemoryKiB: Math.floor(freemem() / 1024),
      isDyingHeartbeat,
    });
    number += 1;
    token = answer.authToken;
  };
  return {
    run: async (signal) => {
      while (!signal.aborted) {
        try {
          await send(false);
          parts.log.once('heartbeat', 'info', 'heartbeats are answered');
        } catch (error) {
          if (signal.aborted) return;
          parts.log.once('heartbeat', 'warning', `heartbeat: ${reason(error)}`);
        }
        await sleep(HEARTBEAT.leastMs + Math.random() * HEARTBEAT.spreadMs, undefined, { signal }).catch(
          () => undefined,
        );
      }
    },
    lastWords: async () => {
      // Unreferenced, or the process would wait for the limit after the answer has come.
      await Promise.race([send(true), sleep(LAST_WORDS_MS, undefined, { ref: false })]).catch((error: unknown) =>
        parts.log.say('warning', `dying heartbeat: ${reason(error)}`),
      );
    },
  };
};

/**
 * Down with whatever the gate guards; what does not run is no error. The socket is not waited for: it is part of sockets.target, so at
 * shutdown it ends only after this service has. With the gate shut it wakes nobody.
 */
const stopGuarded = async ({ units, log }: Parts): Promise<void> => {
  const stop = (unit: string, options?: { readonly noBlock: boolean }): Promise<void> =>
    units.stop([unit], options).catch((error: unknown) => log.say('warning', reason(error)));
  await stop(AGENT_UNIT);
  await stop('docker.socket', { noBlock: true });
  await stop('docker.service');
};

const waitUntilActive = async ({ units }: Parts, unit: string, signal: AbortSignal): Promise<void> => {
  for (;;) {
    signal.throwIfAborted();
    if ((await units.state(unit)) === 'active') return;
    await sleep(100, undefined, { signal });
  }
};

/** Docker must run before anything is subscribed to; one that fails is tried again with the gate open. */
const startDocker = async (parts: Parts, signal: AbortSignal): Promise<void> => {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await parts.units.start(DOCKER_UNITS);
      return;
    } catch (error) {
      signal.throwIfAborted();
      parts.log.once('docker', 'error', `Docker does not start: ${reason(error)}; trying again`);
      await sleep(1000 + fullJitterMs(attempt, { baseMs: 1000, capMs: 30_000 }), undefined, { signal });
    }
  }
};

/**
 * The host service, from boot to stop. The order is the design: handshake, Docker, events, agent. Returns when `signal` is aborted and
 * everything that it started is down again with the gate shut.
 */
export const runService = async (parts: Parts, signal: AbortSignal): Promise<void> => {
  const { state, log, gate, units } = parts;
  // Whatever an earlier life of this service left: no handshake of this one has succeeded, so no task may be accepted. Running containers
  // are left alone until the webserver has spoken.
  await gate.shut();
  await state.enter('boot', 'starting');
  if ((await units.state(AGENT_UNIT)) === 'active') {
    log.say('warning', 'the agent runs although this life of the service has not shaken hands; stopping it');
    await units.stop([AGENT_UNIT]);
  }
  let heartbeats: Heartbeats | null = null;
  const containers: Containers = createContainers({
    log,
    ...(parts.containersFolder === undefined ? {} : { folder: parts.containersFolder }),
    onSeen: (seen) => void state.update({ containersSeen: seen }),
  });
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
    const client = (parts.connect ?? createWebserverClient)(config.webserverUrl, config.webserverCa, signal);
    const answer = await shakeHands(parts, client, identity, signal);
    if ('denied' in answer) {
      log.say(
        'error',
        `the webserver denied this host: ${answer.denied}; the gate stays shut until this service is restarted`,
      );
      await state.enter('denied', `denied: ${answer.denied}`);
      await stopGuarded(parts);
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      return;
    }
    log.say('info', `the webserver granted ${identity.instanceId}; opening the gate`);
    // The last words must get out after `signal` has fired, so they have a connection of their own.
    const afterlife = (parts.connect ?? createWebserverClient)(
      config.webserverUrl,
      config.webserverCa,
      new AbortController().signal,
    );
    heartbeats = createHeartbeats(parts, afterlife, identity, answer.token);
    const beating = heartbeats.run(signal);

    await gate.open();
    await state.update({ gate: 'open' });
    await state.enter('docker', 'starting Docker');
    await startDocker(parts, signal);

    await state.enter('events', "subscribing to Docker's events");
    const confirmed = Promise.withResolvers<void>();
    const following = followEvents({
      docker: parts.docker,
      containers,
      log,
      signal,
      onConfirmed: async () => {
        await state.update({ eventsSubscribedAtUs: monotonicUs() });
        confirmed.resolve();
      },
    });
    await Promise.race([confirmed.promise, following]);
    signal.throwIfAborted();

    await state.enter('agent', 'starting the ECS agent');
    await units.start([AGENT_UNIT], { noBlock: true });
    await waitUntilActive(parts, AGENT_UNIT, signal);
    await state.enter('serving', 'accepting tasks');
    log.say('info', 'serving');
    await Promise.all([following, beating]);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    const wasOpen = state.now().gate === 'open';
    if (wasOpen) await state.enter('draining', 'stopping the agent and Docker');
    await gate.shut();
    await state.update({ gate: 'shut' });
    if (wasOpen) {
      await heartbeats?.lastWords();
      await stopGuarded(parts);
    }
    await state.enter(signal.aborted ? 'stopped' : 'failed', signal.aborted ? 'stopped' : 'failed; see the journal');
  }
};
