import { randomBytes } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { peerOf } from '../net/peer-socket.ts';
import type { IdentityKeys } from './identity-keys.ts';
import type { ImdsInstance } from './instance.ts';
import { type Leaf, listing, metadataTree, type Tree } from './tree.ts';

export type ImdsParts = {
  /** By the peer's address; null when no machine has it (the answer is then 404). */
  readonly lookup: (peerAddress: string) => ImdsInstance | null | Promise<ImdsInstance | null>;
  /** From loadIdentityKeys(paths). */
  readonly keys: IdentityKeys;
  readonly now?: () => Date;
  /** Who asks; the gateway's word unless told otherwise. */
  readonly peerAddress?: (request: IncomingMessage) => string | null;
};

const TOKEN_PATH = '/latest/api/token';
const TTL_HEADER = 'x-aws-ec2-metadata-token-ttl-seconds';
const TOKEN_HEADER = 'x-aws-ec2-metadata-token';
const LONGEST_TTL_S = 21_600;

/** The versions that cloud-init, the AWS SDKs and the ECS agent ask for; every one shows the same. */
const VERSIONS = ['1.0', '2007-01-19', '2009-04-04', '2016-09-02', '2018-09-24', '2020-10-27', '2021-03-23', 'latest'];

type Token = { readonly instanceId: string; readonly expiresAt: number };

const PHRASES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  500: 'Internal Server Error',
};

function fail(response: ServerResponse, status: number): void {
  const phrase = `${status} - ${PHRASES[status]}`;
  const page = `<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
	"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>${phrase}</title>
 </head>
 <body>
  <h1>${phrase}</h1>
 </body>
</html>
`;
  response.writeHead(status, {
    'Content-Type': 'text/html',
    'Content-Length': Buffer.byteLength(page),
    Server: 'EC2ws',
  });
  response.end(page);
}

/**
 * A listener for an http.Server that hangs on a peer socket (attachHttp). Own code, because AWS's metadata mock serves
 * one instance, while here each machine sees itself by its address, with signed documents and a real hop limit.
 */
export function createImds({
  lookup,
  keys,
  now = () => new Date(),
  peerAddress = (request) => peerOf(request.socket),
}: ImdsParts): RequestListener {
  const tokens = new SessionTokens(now);
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const peer = peerAddress(request);
    const instance = peer === null ? null : await lookup(peer);
    if (instance === null) return fail(response, 404);
    const path = (request.url ?? '/').split('?')[0] ?? '/';
    if (request.method === 'PUT')
      return path === TOKEN_PATH ? issueToken(tokens, instance, request, response) : fail(response, 405);
    if (request.method !== 'GET' && request.method !== 'HEAD') return fail(response, 405);
    if (!mayRead(tokens, instance, request)) return fail(response, 401);
    const found = await read(instance, path, () => metadataTree(instance, keys, now()));
    return found === null ? fail(response, 404) : send(found, request, response);
  };
  return (request, response) => {
    request.resume();
    answer(request, response).catch(() => {
      if (response.headersSent) response.destroy();
      else fail(response, 500);
    });
  };
}

/** The tokens of IMDSv2 sessions, each good for one instance until its time is over. */
class SessionTokens {
  readonly #now: () => Date;
  readonly #tokens = new Map<string, Token>();

  constructor(now: () => Date) {
    this.#now = now;
  }

  issue(instanceId: string, ttlS: number): string {
    const current = this.#now().getTime();
    for (const [token, { expiresAt }] of this.#tokens) if (expiresAt <= current) this.#tokens.delete(token);
    const token = randomBytes(40).toString('base64url');
    this.#tokens.set(token, { instanceId, expiresAt: current + ttlS * 1000 });
    return token;
  }

  isGood(sent: string, instanceId: string): boolean {
    const token = this.#tokens.get(sent);
    return token !== undefined && token.instanceId === instanceId && token.expiresAt > this.#now().getTime();
  }
}

function issueToken(
  tokens: SessionTokens,
  { spec }: ImdsInstance,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  // A request that a proxy passed on does not come from the instance.
  if (request.headers['x-forwarded-for'] !== undefined) {
    fail(response, 403);
    return;
  }
  const asked = request.headers[TTL_HEADER];
  const ttl = typeof asked === 'string' && /^\d{1,5}$/.test(asked) ? Number(asked) : 0;
  if (ttl < 1 || ttl > LONGEST_TTL_S) {
    fail(response, 400);
    return;
  }
  const token = tokens.issue(spec.instanceId, ttl);
  // This header has to be the first one, spelled so: the packet filter knows by it the answers that have a hop limit.
  response.sendDate = false;
  response.writeHead(200, [
    'X-Aws-Ec2-Metadata-Token-Ttl-Seconds',
    `${ttl}`,
    'Content-Type',
    'text/plain',
    'Content-Length',
    `${token.length}`,
    'Server',
    'EC2ws',
  ]);
  response.end(token);
}

function mayRead(tokens: SessionTokens, { spec }: ImdsInstance, request: IncomingMessage): boolean {
  const sent = request.headers[TOKEN_HEADER];
  if (sent === undefined) return spec.httpTokens === 'optional';
  return typeof sent === 'string' && tokens.isGood(sent, spec.instanceId);
}

type Found = { readonly content: string | Uint8Array; readonly contentType: string };

/** What stands at a path, `/` included; null when nothing does. */
async function read(instance: ImdsInstance, path: string, tree: () => Tree): Promise<Found | null> {
  const [version, ...parts] = path.split('/').filter((part) => part !== '');
  if (version === undefined) return { content: VERSIONS.join('\n'), contentType: 'text/plain' };
  if (!VERSIONS.includes(version)) return null;
  let node: Tree | Leaf | undefined = tree();
  for (const part of parts) node = typeof node === 'function' ? undefined : node?.get(part);
  if (node === undefined) return null;
  return {
    content: typeof node === 'function' ? await node() : listing(parts, node, instance),
    contentType: parts[0] === 'user-data' ? 'application/octet-stream' : 'text/plain',
  };
}

function send({ content, contentType }: Found, request: IncomingMessage, response: ServerResponse): void {
  const body = Buffer.from(content);
  response.writeHead(200, {
    'Content-Type': contentType,
    'Content-Length': body.length,
    'Accept-Ranges': 'none',
    Server: 'EC2ws',
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
