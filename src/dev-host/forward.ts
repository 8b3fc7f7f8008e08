import { once } from 'node:events';
import { createServer } from 'node:net';
import type { OpenSsh } from '../host-access/ssh.ts';
import { outsideError, userError } from '../io/errors.ts';
import { type Kept, keepConnected } from './keep-connected.ts';

/** A port of 127.0.0.1 here that leads to one of 127.0.0.1 there. */
export type Forward = { readonly here: number; readonly there: number };

function portOf(text: string, whole: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw userError(
    'PORT_FORM',
    `"${whole}" is no port to forward.`,
    'write 8080, or 9000:80 for 9000 here and 80 there',
  );
}

/** Pure: `8080` and `9000:80`. @throws EcsHostError (user) `PORT_FORM`, `PORT_TAKEN` for one that is given twice */
export function parseForwards(words: readonly string[]): Forward[] {
  const forwards = words.map((word) => {
    const [here = '', there = here, ...rest] = word.split(':');
    return { here: portOf(rest.length > 0 ? '' : here, word), there: portOf(there, word) };
  });
  const twice = forwards.find(({ here }, at) => forwards.findIndex((each) => each.here === here) !== at);
  if (twice !== undefined)
    throw userError(
      'PORT_TAKEN',
      `Port ${twice.here} is given twice.`,
      `give another one: ${twice.here + 1}:${twice.there}`,
    );
  return forwards;
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'something listens there already',
  EACCES: 'you may not listen there',
};

/** @throws EcsHostError `PORT_TAKEN` (user) */
export async function assertPortIsFree({ here, there }: Forward): Promise<void> {
  const server = createServer();
  try {
    server.listen({ host: '127.0.0.1', port: here, exclusive: true });
    await once(server, 'listening');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    throw userError(
      'PORT_TAKEN',
      `Port ${here} of 127.0.0.1 cannot be used: ${REASONS[code] ?? code}.`,
      `take another one here: ${here < 60_000 ? here + 5000 : here - 5000}:${there}`,
    );
  }
  server.close();
  await once(server, 'close');
}

/** Resolves when the signal fires. @throws EcsHostError `SSH_LOST` (outside) when the connection ends before */
async function whileConnected(ssh: OpenSsh, signal: AbortSignal): Promise<void> {
  const stopped = new Promise<'stopped'>((resolve) => {
    if (signal.aborted) resolve('stopped');
    else signal.addEventListener('abort', () => resolve('stopped'), { once: true });
  });
  const said = await Promise.race([stopped, ssh.ended]);
  if (!signal.aborted) throw outsideError('SSH_LOST', `The connection broke: ${said}.`, undefined, said);
}

/**
 * Forwards ports until the signal fires, over new connections when one breaks.
 *
 * @param onReady called whenever they can be used
 * @throws EcsHostError `PORT_TAKEN` (user), `SSH_FORWARD` and `SSH_UNREACHABLE` (outside), and those of
 *   `connectDevHost`
 */
export async function forwardPorts(kept: Kept, forwards: readonly Forward[], onReady: () => void): Promise<void> {
  for (const forward of forwards) await assertPortIsFree(forward);
  await keepConnected(kept, async (ssh) => {
    for (const { here, there } of forwards) await ssh.forwardToThere(here, there);
    onReady();
    await whileConnected(ssh, kept.signal);
  });
}
