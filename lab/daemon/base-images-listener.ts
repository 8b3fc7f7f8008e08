import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { LabPaths } from '../paths.ts';
import { explainProblem, UserProblem } from '../problem.ts';
import { isSources } from '../sources-mode.ts';
import type { Asked, BaseImages } from './base-images.ts';

const PATH = '/_lab/base-images';

function parse(body: string): Asked {
  const { ownerId, name, sources = 'auto' } = JSON.parse(body) as Record<string, unknown>;
  if (typeof ownerId !== 'string' || typeof name !== 'string' || !isSources(sources))
    throw new Error('ownerId, name, and perhaps sources (official, stand-in, auto) are expected');
  return { ownerId, name, sources };
}

async function answer(
  images: BaseImages,
  folders: Pick<LabPaths, 'state' | 'cache'>,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  let asked: Asked;
  try {
    asked = parse(await text(incoming));
  } catch (error) {
    outgoing.writeHead(400, { 'content-type': 'application/json' });
    outgoing.end(JSON.stringify({ error: String(error) }));
    return;
  }
  // Lines of JSON, so that whoever waits sees what goes on.
  outgoing.writeHead(200, { 'content-type': 'application/x-ndjson' });
  const tell = (line: object): void => void outgoing.write(`${JSON.stringify(line)}\n`);
  try {
    const offered = await images.offer(asked, (line) => tell({ type: 'progress', line }));
    tell({ type: 'result', ...offered });
  } catch (error) {
    const problem = explainProblem(error, folders);
    tell({ type: 'problem', problem: problem.message, isUsers: problem instanceof UserProblem });
  }
  outgoing.end();
}

/**
 * `POST /_lab/base-images`, in front of what else this machine may ask the lab. A build goes on when the one who asked
 * for it is gone.
 */
export function withBaseImages(
  next: RequestListener,
  images: BaseImages,
  folders: Pick<LabPaths, 'state' | 'cache'>,
): RequestListener {
  return (incoming, outgoing) => {
    if (incoming.method !== 'POST' || incoming.url !== PATH) return next(incoming, outgoing);
    void answer(images, folders, incoming, outgoing).catch(() => outgoing.destroy());
  };
}
