import { request } from 'node:https';
import type {
  HandshakeDenied,
  HandshakeGranted,
  HandshakeRequest,
  HeartbeatAnswer,
  HeartbeatRequest,
} from '#contracts/webserver.ts';

const TIMEOUT_MS = 10_000;
const LARGEST_ANSWER_BYTES = 64 * 1024;

/** The webserver could not be asked, or what it said is no answer of the protocol. Asking again may help. */
export class WebserverTrouble extends Error {
  /** The token is not (or no longer) good. */
  readonly isUnauthorized: boolean;
  constructor(reason: string, isUnauthorized = false) {
    super(reason);
    this.name = 'WebserverTrouble';
    this.isUnauthorized = isUnauthorized;
  }
}

export type WebserverClient = {
  handshake(body: HandshakeRequest): Promise<HandshakeGranted | HandshakeDenied>;
  heartbeat(token: string, body: HeartbeatRequest): Promise<HeartbeatAnswer>;
};

type Answer = { readonly status: number; readonly body: unknown };

/** Posts JSON over verified TLS. A redirect is an answer like any other, and not a good one: the identity goes to this server or nowhere. */
const post = (
  origin: string,
  ca: string | null,
  path: string,
  body: object,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const trouble = (reason: string): void => reject(new WebserverTrouble(`${path}: ${reason}`));
    const text = JSON.stringify(body);
    const outgoing = request(
      new URL(path, origin),
      {
        method: 'POST',
        agent: false,
        minVersion: 'TLSv1.2',
        ...(ca === null ? {} : { ca }),
        headers: { ...headers, 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) },
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        incoming.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > LARGEST_ANSWER_BYTES) {
            trouble(`an answer of more than ${LARGEST_ANSWER_BYTES} bytes`);
            incoming.destroy();
          } else chunks.push(chunk);
        });
        incoming.on('error', (error) => trouble(error.message));
        incoming.on('close', () => {
          if (!incoming.complete) return trouble('the answer broke off');
          try {
            resolve({ status: incoming.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString('utf8')) });
          } catch {
            trouble(`HTTP ${incoming.statusCode ?? 0} with a body that is not JSON`);
          }
        });
      },
    );
    outgoing.on('error', (error) => trouble(error.message));
    outgoing.end(text);
  });

const field = (body: unknown, key: string): unknown =>
  typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[key] : undefined;

/** The two fields with which a handshake and a heartbeat are answered; the token never appears in a message. */
const tokenIn = (path: string, body: unknown): { version: 1; authToken: string; expiresInSeconds: number } => {
  const authToken = field(body, 'authToken');
  const expiresInSeconds = field(body, 'expiresInSeconds');
  if (
    field(body, 'version') !== 1 ||
    typeof authToken !== 'string' ||
    authToken === '' ||
    typeof expiresInSeconds !== 'number'
  ) {
    throw new WebserverTrouble(`${path}: HTTP 200 with a body that is not of the protocol`);
  }
  return { version: 1, authToken, expiresInSeconds };
};

export const createWebserverClient = (origin: string, ca: string | null, signal: AbortSignal): WebserverClient => ({
  handshake: async (body) => {
    const path = '/host_service/auth';
    const answer = await post(origin, ca, path, body, {}, signal);
    if (answer.status === 403 && field(answer.body, 'denied') === true) {
      const reason = field(answer.body, 'reason');
      return {
        version: 1,
        denied: true,
        reason: typeof reason === 'string' ? reason.slice(0, 200) : 'no reason given',
      };
    }
    if (answer.status !== 200) throw new WebserverTrouble(`${path}: HTTP ${answer.status}`);
    return tokenIn(path, answer.body);
  },
  heartbeat: async (token, body) => {
    const path = '/host_service/heartbeat';
    const answer = await post(origin, ca, path, body, { Authorization: `Bearer ${token}` }, signal);
    if (answer.status !== 200) throw new WebserverTrouble(`${path}: HTTP ${answer.status}`, answer.status === 401);
    return tokenIn(path, answer.body);
  },
});
