import { randomBytes } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { peerOf } from '../net/peer-socket.ts';
import type { IdentityKeys } from './identity-keys.ts';
import type { ImdsSubject } from './subject.ts';
import { type Leaf, listing, metadataTree, type Tree } from './tree.ts';

export type ImdsParts = {
  /** By the peer's address; null when no machine has it (the answer is then 404). */
  readonly lookup: (peerAddress: string) => ImdsSubject | null | Promise<ImdsSubject | null>;
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

/** A listener for an http.Server that hangs on a peer socket (attachHttp). */
export function createImds({
  lookup,
  keys,
  now = () => new Date(),
  peerAddress = (request) => peerOf(request.socket),
}: ImdsParts): RequestListener {
  const tokens = new Map<string, Token>();

  const issueToken = (request: IncomingMessage, response: ServerResponse, { spec }: ImdsSubject): void => {
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
    const current = now().getTime();
    for (const [token, { expiresAt }] of tokens) if (expiresAt <= current) tokens.delete(token);
    const token = randomBytes(40).toString('base64url');
    tokens.set(token, { instanceId: spec.instanceId, expiresAt: current + ttl * 1000 });
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
  };

  const mayRead = (request: IncomingMessage, { spec }: ImdsSubject): boolean => {
    const sent = request.headers[TOKEN_HEADER];
    if (sent === undefined) return spec.httpTokens === 'optional';
    const token = typeof sent === 'string' ? tokens.get(sent) : undefined;
    return token !== undefined && token.instanceId === spec.instanceId && token.expiresAt > now().getTime();
  };

  const read = async (
    request: IncomingMessage,
    response: ServerResponse,
    subject: ImdsSubject,
    path: string,
  ): Promise<void> => {
    const [version, ...parts] = path.split('/').filter((part) => part !== '');
    let content: string | Uint8Array;
    if (version === undefined) content = VERSIONS.join('\n');
    else if (!VERSIONS.includes(version)) return fail(response, 404);
    else {
      let node: Tree | Leaf | undefined = metadataTree(subject, keys, now());
      for (const part of parts) node = typeof node === 'function' ? undefined : node?.get(part);
      if (node === undefined) return fail(response, 404);
      content = typeof node === 'function' ? await node() : listing(parts, node, subject);
    }
    const body = Buffer.from(content);
    response.writeHead(200, {
      'Content-Type': parts[0] === 'user-data' ? 'application/octet-stream' : 'text/plain',
      'Content-Length': body.length,
      'Accept-Ranges': 'none',
      Server: 'EC2ws',
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const peer = peerAddress(request);
    const subject = peer === null ? null : await lookup(peer);
    if (subject === null) return fail(response, 404);
    const path = (request.url ?? '/').split('?')[0] ?? '/';
    if (request.method === 'PUT')
      return path === TOKEN_PATH ? issueToken(request, response, subject) : fail(response, 405);
    if (request.method !== 'GET' && request.method !== 'HEAD') return fail(response, 405);
    if (!mayRead(request, subject)) return fail(response, 401);
    return read(request, response, subject, path);
  };

  return (request, response) => {
    request.resume();
    answer(request, response).catch(() => {
      if (response.headersSent) response.destroy();
      else fail(response, 500);
    });
  };
}
