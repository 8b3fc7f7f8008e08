import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import type { Carrier, Session } from './session.ts';

const PATH = /^\/v1\/data-channel\/([^/]+)$/;
const OPEN_MS = 10_000;

/** Where a client finds the data channel of a session, at the endpoint that it started the session at. */
export function streamUrl(host: string, sessionId: string): string {
  return `ws://${host}/v1/data-channel/${sessionId}?role=publish_subscribe`;
}

function bytesOf(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data);
}

function tokenIn(bytes: Buffer): string {
  try {
    const { TokenValue } = JSON.parse(bytes.toString('utf8')) as { TokenValue?: unknown };
    return typeof TokenValue === 'string' ? TokenValue : '';
  } catch {
    return '';
  }
}

/** The message gateway: a client opens its session's data channel with the token, and then it carries messages. */
export class DataSockets {
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: 1024 * 1024 });
  readonly #find: (sessionId: string) => Session | null;

  constructor(find: (sessionId: string) => Session | null) {
    this.#find = find;
  }

  /** False when the path is no data channel. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const id = PATH.exec(new URL(request.url ?? '/', 'http://lab').pathname)?.[1];
    if (id === undefined) return false;
    this.#server.handleUpgrade(request, socket, head, (accepted) => {
      accepted.on('error', () => accepted.terminate());
      this.#onOpen(accepted, id);
    });
    return true;
  }

  close(): void {
    for (const client of this.#server.clients) client.terminate();
    this.#server.close();
  }

  #onOpen(socket: WebSocket, id: string): void {
    const limit = setTimeout(() => socket.terminate(), OPEN_MS);
    socket.once('message', (data) => {
      clearTimeout(limit);
      const session = this.#find(decodeURIComponent(id));
      const carrier: Carrier = {
        send: (bytes) => socket.send(bytes),
        close: () => socket.close(1000),
      };
      if (session === null || !session.open(tokenIn(bytesOf(data)), carrier)) {
        socket.close(1008, 'the session or its token is not valid');
        return;
      }
      socket.on('message', (message) => session.receive(carrier, bytesOf(message)));
      socket.on('close', () => session.lost(carrier));
    });
  }
}
