import { createReadStream } from 'node:fs';
import { readFile, realpath, stat } from 'node:fs/promises';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { basename, join, relative, sep } from 'node:path';
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

/** In a bare repository, what opens it: whoever drops one in writes the token there; it is never served. */
const TOKEN = 'ecs-host-lab-token';

/** Whether a call may read below a repository of the folder: one that names a token wants it as the password. */
async function mayRead(root: string, pathname: string, authorization: string | undefined): Promise<boolean> {
  const [repository = ''] = pathname.split('/').filter((part) => part !== '');
  const token = await readFile(join(root, repository, TOKEN), 'utf8').catch(() => null);
  if (token === null) return true;
  const given = Buffer.from(/^Basic (\S+)$/i.exec(authorization ?? '')?.[1] ?? '', 'base64').toString();
  return given.slice(given.indexOf(':') + 1) === token.trim() && given.includes(':');
}

/**
 * Serves the bare repositories of a folder read-only below `/git/`, over git's "dumb" protocol: plain files, found by
 * what `git update-server-info` wrote. Whoever drops a repository into the folder runs that, too. Own code, because
 * git's own server for HTTP is a CGI program behind a web server that would have to be installed, and reading plain
 * files needs neither.
 */
export function createGitListener(folder: string): RequestListener {
  return (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const find = async (): Promise<{ file: string; size: number } | 'closed' | null> => {
      const pathname = decodeURIComponent((incoming.url ?? '').split('?')[0] ?? '').replace(/^\/git\//, '');
      const root = await realpath(folder);
      const file = await realpath(join(root, pathname));
      if (!file.startsWith(root + sep) || basename(file) === TOKEN) return null;
      if (!(await mayRead(root, relative(root, file), incoming.headers.authorization))) return 'closed';
      const found = await stat(file);
      return found.isFile() ? { file, size: found.size } : null;
    };
    if (incoming.method !== 'GET' && incoming.method !== 'HEAD') return refuse(outgoing, 405, 'GET or HEAD');
    find().then(
      (found) => {
        if (found === 'closed') {
          outgoing.setHeader('www-authenticate', 'Basic realm="a private repository of the lab"');
          return refuse(outgoing, 401, 'a token is needed');
        }
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
