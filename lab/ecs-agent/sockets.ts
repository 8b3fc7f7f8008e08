import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { Identity } from './checkpoint.ts';
import type { DockerFacts } from './docker-probe.ts';

export const AGENT_VERSION = '1.105.1-lab';
const SILENCE_MS = 90_000;
const METRICS_MS = 20_000;
const RETRY = { leastMs: 250, mostMs: 10_000 };

export type Frame = { readonly type: string; readonly message: Readonly<Record<string, unknown>> };

function url(endpoint: string, query: Record<string, string>): string {
  return `${endpoint.replace(/^http/, 'ws')}/ws?${new URLSearchParams(query).toString()}`;
}

/** Opens a websocket again and again; a connection on which nothing came for a while counts as lost. */
async function keepOpen(
  target: () => string,
  onOpen: (socket: WebSocket) => (() => void) | undefined,
  onFrame: (socket: WebSocket, frame: Frame) => void,
  signal: AbortSignal,
): Promise<void> {
  let pauseMs = RETRY.leastMs;
  while (!signal.aborted) {
    await new Promise<void>((resolve) => {
      const socket = new WebSocket(target(), { handshakeTimeout: 10_000 });
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

function send(socket: WebSocket, type: string, message: Frame['message']): void {
  socket.send(JSON.stringify({ type, message }));
}

export type Session = {
  readonly identity: Identity;
  readonly docker: DockerFacts;
  /** Of the newest order that was taken. */
  readonly sequence: () => number;
  /** Acts on a frame of ACS. @returns what is answered */
  readonly onOrder: (frame: Frame) => readonly Frame[];
};

function acsUrl(endpoint: string, { identity, docker, sequence }: Session): string {
  return url(endpoint, {
    agentHash: 'lab',
    agentVersion: AGENT_VERSION,
    clusterArn: identity.cluster,
    containerInstanceArn: identity.containerInstanceArn,
    dockerVersion: `DockerVersion: ${docker.version}`,
    protocolVersion: '2',
    sendCredentials: 'true',
    seqNum: String(sequence()),
  });
}

function tcsUrl(endpoint: string, { identity, docker }: Session): string {
  return url(endpoint, {
    agentHash: 'lab',
    agentVersion: AGENT_VERSION,
    cluster: identity.cluster,
    containerInstance: identity.containerInstanceArn,
    dockerVersion: docker.version,
  });
}

function publishing(socket: WebSocket, { cluster, containerInstanceArn }: Identity): () => void {
  const publish = (): void =>
    send(socket, 'PublishMetricsRequest', {
      metadata: { cluster, containerInstance: containerInstanceArn, idle: true, messageId: 'idle', fin: true },
      taskMetrics: [],
      timestamp: Math.floor(Date.now() / 1000),
    });
  publish();
  const timer = setInterval(publish, METRICS_MS);
  return () => clearInterval(timer);
}

/** The two connections that an agent keeps: ACS for orders, TCS for telemetry. */
export async function keepConnected(
  endpoints: { acs: string; tcs: string },
  session: Session,
  options: { log: (text: string) => void; signal: AbortSignal },
): Promise<void> {
  const { log, signal } = options;
  await Promise.all([
    keepOpen(
      () => acsUrl(endpoints.acs, session),
      () => {
        log('connected to ACS');
        return undefined;
      },
      (socket, frame) => {
        for (const { type, message } of session.onOrder(frame)) send(socket, type, message);
      },
      signal,
    ),
    keepOpen(
      () => tcsUrl(endpoints.tcs, session),
      (socket) => publishing(socket, session.identity),
      () => undefined,
      signal,
    ),
  ]);
}
