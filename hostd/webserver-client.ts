import { request } from 'node:https';
import { asMessage, type MessageName } from '#contracts/validate.ts';
import type {
  Challenge,
  ChallengeRequest,
  HandshakeDenied,
  HandshakeGranted,
  HandshakeRequest,
  HeartbeatAnswer,
  HeartbeatRequest,
  Refusal,
  Revoked,
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
  challenge(body: ChallengeRequest): Promise<Challenge>;
  handshake(body: HandshakeRequest): Promise<HandshakeGranted | HandshakeDenied>;
  heartbeat(token: string, body: HeartbeatRequest): Promise<HeartbeatAnswer | Revoked>;
};

const DATES = new Set(['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED']);

/**
 * Dates of a certificate that do not fit are a clock's as often as the certificate's. In whole hours, as what repeats
 * is said once.
 */
function describe({ code, message }: NodeJS.ErrnoException): string {
  return DATES.has(code ?? '')
    ? `${message}; or the clock of this host is wrong, which says ${new Date().toISOString().slice(0, 13).replace('T', ' ')} h UTC`
    : message;
}

type Answer = { readonly status: number; readonly body: unknown };

/**
 * Posts JSON over verified TLS. A redirect is an answer like any other, and not a good one: the identity goes to this
 * server or nowhere.
 */
function post(
  origin: string,
  ca: string | null,
  path: string,
  body: object,
  headers: Record<string, string>,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const trouble = (reason: string): void => reject(new WebserverTrouble(`${path}: ${reason}`));
    const text = JSON.stringify(body);
    const tooLate = AbortSignal.timeout(timeoutMs);
    const broken = (error: Error): void =>
      trouble(tooLate.aborted ? `no answer within ${timeoutMs / 1000} s` : describe(error));
    const outgoing = request(
      new URL(path, origin),
      {
        method: 'POST',
        agent: false,
        minVersion: 'TLSv1.2',
        ...(ca === null ? {} : { ca }),
        headers: { ...headers, 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) },
        signal: AbortSignal.any([signal, tooLate]),
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
        incoming.on('error', broken);
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
    outgoing.on('error', broken);
    outgoing.end(text);
  });
}

/** A message of the protocol, or trouble. What the webserver sent is not repeated: it may hold a token. */
function expectMessage<T>(path: string, { status, body }: Answer, name: MessageName): T {
  const parsed = asMessage<T>(name, body);
  if ('problem' in parsed)
    throw new WebserverTrouble(`${path}: HTTP ${status} with a body that is not of the protocol`);
  return parsed.message;
}

function refusalIn({ status, body }: Answer): string {
  const parsed = asMessage<Refusal>('Refusal', body);
  return 'problem' in parsed ? `HTTP ${status}` : `HTTP ${status}, ${parsed.message.code}: ${parsed.message.reason}`;
}

export function createWebserverClient(
  origin: string,
  ca: string | null,
  signal: AbortSignal,
  timeoutMs: number = TIMEOUT_MS,
): WebserverClient {
  return {
    challenge: async (body) => {
      const path = '/host_service/challenge';
      const answer = await post(origin, ca, path, body, {}, signal, timeoutMs);
      if (answer.status !== 200) throw new WebserverTrouble(`${path}: ${refusalIn(answer)}`);
      return expectMessage<Challenge>(path, answer, 'Challenge');
    },
    handshake: async (body) => {
      const path = '/host_service/auth';
      const answer = await post(origin, ca, path, body, {}, signal, timeoutMs);
      if (answer.status === 403) return expectMessage<HandshakeDenied>(path, answer, 'HandshakeDenied');
      if (answer.status !== 200) throw new WebserverTrouble(`${path}: ${refusalIn(answer)}`);
      return expectMessage<HandshakeGranted>(path, answer, 'HandshakeGranted');
    },
    heartbeat: async (token, body) => {
      const path = '/host_service/heartbeat';
      const answer = await post(origin, ca, path, body, { Authorization: `Bearer ${token}` }, signal, timeoutMs);
      if (answer.status === 403) return expectMessage<Revoked>(path, answer, 'Revoked');
      if (answer.status !== 200) throw new WebserverTrouble(`${path}: ${refusalIn(answer)}`, answer.status === 401);
      return expectMessage<HeartbeatAnswer>(path, answer, 'HeartbeatAnswer');
    },
  };
}
