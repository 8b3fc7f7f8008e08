import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ControlPlane } from './control-plane.ts';
import type { Link } from './registrations.ts';
import { ACS_PATH, frame, parseFrame, TCS_PATH } from './wire.ts';

/** The agent gives a silent connection up after one to two minutes. */
const HEARTBEAT_MS = 30_000;

export type AgentSocketsOptions = {
  readonly plane: ControlPlane;
  readonly log: (line: string) => void;
  readonly heartbeatMs?: number;
};

/** The agent's two websockets: ACS, which makes it connected as long as it is open, and TCS for its telemetry. */
export class AgentSockets {
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: 4 * 1024 * 1024 });
  readonly #options: AgentSocketsOptions;

  constructor(options: AgentSocketsOptions) {
    this.#options = options;
  }

  /** False when the path is neither of the two. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const url = new URL(request.url ?? '/', 'http://lab');
    if (url.pathname !== ACS_PATH && url.pathname !== TCS_PATH) return false;
    this.#server.handleUpgrade(request, socket, head, (accepted) => {
      accepted.on('error', () => accepted.terminate());
      if (url.pathname === ACS_PATH) this.#onAcs(accepted, url.searchParams);
      else onTcs(accepted);
    });
    return true;
  }

  close(): void {
    for (const client of this.#server.clients) client.terminate();
    this.#server.close();
  }

  #onAcs(socket: WebSocket, query: URLSearchParams): void {
    const { plane, log, heartbeatMs = HEARTBEAT_MS } = this.#options;
    const known = plane.registrations.get(query.get('containerInstanceArn') ?? '');
    if (!known) {
      socket.send(frame('InactiveInstanceException', { message: 'no such container instance' }));
      socket.close(1000);
      return;
    }
    const link: Link = { send: (type, message) => socket.send(frame(type, message)) };
    known.links.add(link);
    known.agentVersion = query.get('agentVersion') ?? '';
    known.dockerVersion = query.get('dockerVersion') ?? '';
    log(`ecs: the agent of ${known.instanceId} is connected`);
    let beats = 0;
    const beat = (): void => {
      beats += 1;
      socket.send(frame('HeartbeatMessage', { healthy: true, messageId: `hb-${beats}` }));
    };
    beat();
    const timer = setInterval(beat, heartbeatMs);
    socket.on('message', (raw) => plane.delivery.received(known, link, parseFrame(raw.toString())));
    socket.on('close', () => {
      clearInterval(timer);
      known.links.delete(link);
      log(`ecs: the agent of ${known.instanceId} is gone`);
    });
    plane.delivery.connected(known, link);
    plane.changed(known);
  }
}

function onTcs(socket: WebSocket): void {
  socket.on('message', (raw) => {
    const { type } = parseFrame(raw.toString());
    if (type === 'PublishMetricsRequest') socket.send(frame('AckPublishMetric', { message: 'ok' }));
    else if (type === 'PublishInstanceStatusRequest') socket.send(frame('AckPublishInstanceStatus', { message: 'ok' }));
    else socket.close(1002, `unsupported message ${type}`);
  });
}
