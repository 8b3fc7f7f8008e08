import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { join, sep } from 'node:path';
import { pipeline } from 'node:stream';

function refuse(outgoing: ServerResponse, status: number, reason: string): void {
  outgoing.writeHead(status, { 'content-type': 'text/plain' });
  outgoing.end(`${reason}\n`);
}

const TYPES: readonly (readonly [RegExp, string])[] = [
  [/\/objects\/pack\/[^/]+\.pack$/, 'application/x-git-packed-objects'],
  [/\/objects\/pack\/[^/]+\.idx$/, 'application/x-git-packed-objects-toc'],
  [/\/objects\/[0-9a-f]{2}\//, 'application/x-git-loose-object'],
];

/**
 * Serves the bare repositories of a folder read-only below `/git/`, over git's "dumb" protocol: plain files, found by
 * what `git update-server-info` wrote. Whoever drops a repository into the folder runs that, too. Own code, because
 * git's own server for HTTP is a CGI program behind a web server that would have to be installed, and reading plain
 * files needs neither.
 */
export function createGitListener(folder: string): RequestListener {
  return (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const find = async (): Promise<{ file: string; size: number } | null> => {
      const pathname = decodeURIComponent((incoming.url ?? '').split('?')[0] ?? '').replace(/^\/git\//, '');
      const root = await realpath(folder);
      const file = await realpath(join(root, pathname));
      if (!file.startsWith(root + sep)) return null;
      const found = await stat(file);
      return found.isFile() ? { file, size: found.size } : null;
    };
    if (incoming.method !== 'GET' && incoming.method !== 'HEAD') return refuse(outgoing, 405, 'GET or HEAD');
    find().then(
      (found) => {
        if (!found) return refuse(outgoing, 404, 'no such repository or file');
        const type = TYPES.find(([pattern]) => pattern.test(found.file))?.[1] ?? 'text/plain';
        outgoing.writeHead(200, { 'content-type': type, 'content-length': found.size, 'cache-control': 'no-cache' });
        if (incoming.method === 'HEAD') outgoing.end();
        else pipeline(createReadStream(found.file), outgoing, () => {});
      },
      () => refuse(outgoing, 404, 'no such repository or file'),
    );
  };
}
