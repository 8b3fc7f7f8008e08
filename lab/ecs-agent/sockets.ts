import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { Checkpoint } from './checkpoint.ts';
import type { DockerFacts } from './docker-probe.ts';

export const AGENT_VERSION = '1.105.1-lab';
const SILENCE_MS = 90_000;
const METRICS_MS = 20_000;
const RETRY = { leastMs: 250, mostMs: 10_000 };

type Frame = { type: string; message: Record<string, unknown> };

function url(endpoint: string, query: Record<string, string>): string {
  return `${endpoint.replace(/^http/, 'ws')}/ws?${new URLSearchParams(query).toString()}`;
}

/** Opens a websocket again and again; a connection on which nothing came for a while counts as lost. */
async function keepOpen(
  target: string,
  onOpen: (socket: WebSocket) => (() => void) | undefined,
  onFrame: (socket: WebSocket, frame: Frame) => void,
  signal: AbortSignal,
): Promise<void> {
  let pauseMs = RETRY.leastMs;
  while (!signal.aborted) {
    await new Promise<void>((resolve) => {
      const socket = new WebSocket(target, { handshakeTimeout: 10_000 });
      let close: (() => void) | undefined;
      let silence: NodeJS.Timeout | undefined;
      const listen = (): void => {
        clearTimeout(silence);
        silence = setTimeout(() => socket.terminate(), SILENCE_MS);
      };
      const abort = (): void => socket.terminate();
      signal.addEventListener('abort', abort, { once: true });
      socket.on('open', () => {
        pauseMs = RETRY.leastMs;
        listen();
        close = onOpen(socket);
      });
      socket.on('message', (raw) => {
        listen();
        onFrame(socket, JSON.parse(raw.toString()) as Frame);
      });
      socket.on('error', () => socket.terminate());
      socket.on('close', () => {
        clearTimeout(silence);
        close?.();
        signal.removeEventListener('abort', abort);
        resolve();
      });
    });
    await sleep(pauseMs * (0.8 + Math.random() * 0.4), undefined, { signal }).catch(() => undefined);
    pauseMs = Math.min(pauseMs * 1.6, RETRY.mostMs);
  }
}

function send(socket: WebSocket, type: string, message: Record<string, unknown>): void {
  socket.send(JSON.stringify({ type, message }));
}

/** The two connections that an agent keeps: ACS for orders, TCS for telemetry. */
export async function keepConnected(
  endpoints: { acs: string; tcs: string },
  who: { checkpoint: Checkpoint; docker: DockerFacts },
  options: { log: (text: string) => void; signal: AbortSignal },
): Promise<void> {
  const { checkpoint, docker } = who;
  const { log, signal } = options;
  const acs = url(endpoints.acs, {
    agentHash: 'lab',
    agentVersion: AGENT_VERSION,
    clusterArn: checkpoint.cluster,
    containerInstanceArn: checkpoint.containerInstanceArn,
    dockerVersion: `DockerVersion: ${docker.version}`,
    protocolVersion: '2',
    sendCredentials: 'true',
    seqNum: '1',
  });
  const tcs = url(endpoints.tcs, {
    agentHash: 'lab',
    agentVersion: AGENT_VERSION,
    cluster: checkpoint.cluster,
    containerInstance: checkpoint.containerInstanceArn,
    dockerVersion: docker.version,
  });
  await Promise.all([
    keepOpen(
      acs,
      () => {
        log('connected to ACS');
        return undefined;
      },
      (socket, { type, message }) => {
        if (type === 'HeartbeatMessage') send(socket, 'HeartbeatAckRequest', { messageId: message['messageId'] });
        else log(`ACS sent ${type}, which the stand-in does not do`);
      },
      signal,
    ),
    keepOpen(
      tcs,
      (socket) => {
        const publish = (): void =>
          send(socket, 'PublishMetricsRequest', {
            metadata: {
              cluster: checkpoint.cluster,
              containerInstance: checkpoint.containerInstanceArn,
              idle: true,
              messageId: 'idle',
              fin: true,
            },
            taskMetrics: [],
            timestamp: Math.floor(Date.now() / 1000),
          });
        publish();
        const timer = setInterval(publish, METRICS_MS);
        return () => clearInterval(timer);
      },
      () => undefined,
      signal,
    ),
  ]);
}
