import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import type { MirrorCache } from './cache.ts';

function refuse(outgoing: ServerResponse, status: number, reason: string): void {
  outgoing.writeHead(status, { 'content-type': 'text/plain' });
  outgoing.end(`${reason}\n`);
}

/** `/debian/pool/x` is path `pool/x` of archive `debian`; null for anything that climbs out or is hidden. */
export function archivePath(url: string): { archive: string; path: string } | null {
  let pathname: string;
  try {
    pathname = decodeURIComponent(url.split('?')[0] ?? '');
  } catch {
    return null;
  }
  const [archive = '', ...rest] = pathname
    .replace(/^\/+/, '')
    .split('/')
    .filter((part, index, all) => part !== '' || index === all.length - 1);
  const path = rest.join('/');
  if (
    path === '' ||
    path.endsWith('/') ||
    rest.some((part) => part === '..' || part === '.' || part.startsWith('.')) ||
    path.includes('\0')
  ) {
    return null;
  }
  return { archive, path: encodeURI(path) };
}

/**
 * Serves the archives, each below its own name. apt asks with If-Modified-Since and, after a broken download, with
 * Range.
 */
export function createMirrorListener(archives: Readonly<Record<string, MirrorCache>>): RequestListener {
  return (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const asked = archivePath(incoming.url ?? '/');
    const cache = asked ? archives[asked.archive] : undefined;
    if (!asked || !cache) return refuse(outgoing, 404, 'not an archive of this mirror');
    if (incoming.method !== 'GET' && incoming.method !== 'HEAD') return refuse(outgoing, 405, 'GET or HEAD');
    cache.get(asked.path).then(
      (answer) => {
        if (answer.status !== 200) return refuse(outgoing, answer.status, answer.reason);
        const headers = {
          'content-type': 'application/octet-stream',
          'x-lab-cache': answer.source,
          ...(answer.lastModified === null ? {} : { 'last-modified': answer.lastModified }),
        };
        if (answer.lastModified !== null && incoming.headers['if-modified-since'] === answer.lastModified) {
          outgoing.writeHead(304, headers);
          outgoing.end();
          return;
        }
        outgoing.writeHead(200, { ...headers, ...(answer.size === null ? {} : { 'content-length': answer.size }) });
        if (incoming.method === 'HEAD') return void outgoing.end();
        answer.body().then(
          // A machine that was killed has left before its answer began.
          (body) => (outgoing.destroyed ? body.destroy() : pipeline(body, outgoing, () => {})),
          () => outgoing.destroy(),
        );
      },
      (error: unknown) => refuse(outgoing, 500, String(error)),
    );
  };
}
