import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { limitConnections } from '#contracts/connection-limits.ts';
import { CONTROL_PORT } from '#contracts/control-port.ts';
import { asMessage } from '#contracts/validate.ts';
import type { ControlAnswer, ControlPort, ControlRequest, Refusal } from '#contracts/webserver.ts';

const LARGEST_BYTES = 4096;
/** For all of a request: a client that sends a byte a minute is cut off, and meanwhile costs one idle socket. */
const REQUEST_TIMEOUT_MS = 5000;
/** Of strangers, at a time; the next one costs the oldest its connection. The webserver needs a few milliseconds. */
const MOST_STRANGERS = 128;

export type ControlOrder = { readonly verb: 'drain' | 'revoke'; readonly reason: string };

export type Control = AsyncDisposable & {
  /** What the webserver is told of it in the handshake. */
  readonly port: ControlPort;
};

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function answer(response: ServerResponse, status: number, body: ControlAnswer | Refusal): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
    Connection: 'close',
  });
  response.end(text);
}

function refuse(response: ServerResponse, status: number, code: Refusal['code'], reason: string): void {
  answer(response, status, { version: 1, code, reason });
}

async function readBody(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > LARGEST_BYTES) return null;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

/**
 * The control port: HTTPS, for the webserver only. Its certificate and its token are made here and told to the
 * webserver in the handshake; neither is written anywhere. The token is compared before the body is read, so that a
 * stranger cannot make the service parse anything.
 *
 * @throws Error when the port is taken
 */
export async function openControl(options: {
  readonly tls: { readonly cert: string; readonly key: string };
  readonly address?: string;
  readonly port?: number;
  readonly phase: () => string;
  readonly onOrder: (order: ControlOrder) => void;
}): Promise<Control> {
  const { tls, phase, onOrder } = options;
  const token = randomBytes(32).toString('base64url');
  const expected = hash(token);

  const isWebserver = (request: IncomingMessage): boolean =>
    timingSafeEqual(expected, hash(/^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''));

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (!isWebserver(request)) return refuse(response, 401, 'TOKEN', 'not the token of this host');
    limits.proven(request.socket);
    if (request.method === 'GET' && request.url === '/v1/status')
      return answer(response, 200, { version: 1, phase: phase() });
    const verb = request.method === 'POST' ? /^\/v1\/(drain|revoke)$/.exec(request.url ?? '')?.[1] : undefined;
    if (verb === undefined) return refuse(response, 404, 'NOT_FOUND', 'not a path of this port');
    const body = await readBody(request);
    if (body === null) return refuse(response, 413, 'TOO_LARGE', `a body of more than ${LARGEST_BYTES} bytes`);
    let value: unknown;
    try {
      value = JSON.parse(body.toString('utf8'));
    } catch {
      return refuse(response, 400, 'MALFORMED', 'the body is not JSON');
    }
    const parsed = asMessage<ControlRequest>('ControlRequest', value);
    if ('problem' in parsed) return refuse(response, 400, 'MALFORMED', parsed.problem.slice(0, 200));
    answer(response, 202, { version: 1, phase: phase() });
    onOrder({ verb: verb as ControlOrder['verb'], reason: parsed.message.reason });
  };

  const server = createServer(
    {
      ...tls,
      minVersion: 'TLSv1.2',
      handshakeTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: REQUEST_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: 1000,
      keepAlive: false,
      maxHeaderSize: 8192,
    },
    (request, response) => {
      response.on('finish', () => request.destroy());
      // A request that broke off has nobody to be answered.
      handle(request, response).catch(() => request.destroy());
    },
  );
  const limits = limitConnections(server, MOST_STRANGERS);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? CONTROL_PORT, options.address, resolve);
  });
  return {
    port: { port: (server.address() as AddressInfo).port, certificate: tls.cert, token },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
