import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import type { RequestListener, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { IMAGE_MANIFEST_TYPE } from './build-image.ts';

/** One image on offer: its name, tag, and the folder that `ensureImage` makes; it may still be at it. */
export type ServedImage = { readonly name: string; readonly tag: string; readonly folder: Promise<string> };

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify({ errors: [{ code, message }] }));
}

const BLOB = /^\/v2\/(.+)\/blobs\/(sha256:[0-9a-f]{64})$/;
const MANIFEST = /^\/v2\/(.+)\/manifests\/([\w.:-]+)$/;

/**
 * A registry that only gives: the pull half of the OCI distribution API over a folder of finished images. Nothing in
 * the lab pushes, so there is no half that takes (docs/decisions/0060). Docker gives a registry fifteen seconds to say
 * that it is one, and all the time it takes for a manifest: so the former is answered at once, and who asks for an
 * image that is still being built waits.
 */
export function createRegistryListener(images: readonly ServedImage[]): RequestListener {
  const answer = async (method: string, path: string, response: ServerResponse): Promise<void> => {
    response.setHeader('Docker-Distribution-Api-Version', 'registry/2.0');
    if (method !== 'GET' && method !== 'HEAD') return refuse(response, 405, 'UNSUPPORTED', 'this registry only gives');
    if (path === '/v2/' || path === '/v2') {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.end('{}');
      return;
    }
    const [, manifestName, reference] = MANIFEST.exec(path) ?? [];
    if (manifestName !== undefined && reference !== undefined) {
      for (const image of images.filter(({ name }) => name === manifestName)) {
        const folder = await image.folder.catch(() => null);
        if (folder === null)
          return refuse(
            response,
            503,
            'UNAVAILABLE',
            `${manifestName} could not be built; the lab's daemon.log says why`,
          );
        const manifest = await readFile(join(folder, 'manifest.json'));
        const digest = `sha256:${createHash('sha256').update(manifest).digest('hex')}`;
        if (reference !== image.tag && reference !== digest) continue;
        response.writeHead(200, {
          'Content-Type': IMAGE_MANIFEST_TYPE,
          'Content-Length': manifest.length,
          'Docker-Content-Digest': digest,
        });
        response.end(method === 'HEAD' ? undefined : manifest);
        return;
      }
      return refuse(response, 404, 'MANIFEST_UNKNOWN', `${manifestName}:${reference} is not on offer`);
    }
    const [, blobName, digest] = BLOB.exec(path) ?? [];
    if (blobName !== undefined && digest !== undefined) {
      for (const image of images.filter(({ name }) => name === blobName)) {
        const file = join(await image.folder, digest.replace(':', '-'));
        const found = await stat(file).catch(() => null);
        if (!found) continue;
        response.writeHead(200, {
          'Content-Type': 'application/octet-stream',
          'Content-Length': found.size,
          'Docker-Content-Digest': digest,
        });
        if (method === 'HEAD') response.end();
        else await pipeline(createReadStream(file), response);
        return;
      }
      return refuse(response, 404, 'BLOB_UNKNOWN', `${digest} is not on offer`);
    }
    refuse(response, 404, 'NAME_UNKNOWN', 'not a path of this registry');
  };
  return (request, response) => {
    answer(request.method ?? 'GET', new URL(request.url ?? '/', 'http://registry').pathname, response).catch(() =>
      response.destroy(),
    );
  };
}
