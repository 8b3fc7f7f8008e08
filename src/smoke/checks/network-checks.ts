import { createConnection } from 'node:net';
import { HOST_NODE } from '#contracts/host-paths.ts';
import { reasonOf } from '#contracts/reason.ts';
import type { Ssh } from '../../host-access/ssh.ts';
import { waitUntil } from '../../io/wait-until.ts';
import type { CheckBook } from './check-book.ts';

const LISTEN_MS = 60_000;
const GREETING = 'ecs-host-smoke';
const GOODBYE = 'stop';
const ANSWER_MS = 20_000;
const SILENCE_MS = 3000;

export type PortAnswer = 'answers' | 'silent' | 'refused' | 'closed without a word';

/** Connects and waits for the greeting; never connect-and-close, which some servers take badly. */
export function askPort(host: string, port: number, timeoutMs: number): Promise<PortAnswer> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port });
    const done = (answer: PortAnswer): void => {
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => done('silent'), timeoutMs);
    timer.unref();
    socket.once('error', (error: NodeJS.ErrnoException) => done(error.code === 'ECONNREFUSED' ? 'refused' : 'silent'));
    socket.once('data', (data) => done(data.toString().startsWith(GREETING) ? 'answers' : 'closed without a word'));
    socket.once('end', () => done('closed without a word'));
  });
}

/**
 * A greeter on both ports, asked from inside too: outside silence then is the group's doing, and not a listener's
 * absence.
 */
function greeter(openPort: number, closedPort: number): string {
  return `
import { createConnection, createServer } from 'node:net';
import { once } from 'node:events';
for (const port of [${openPort}, ${closedPort}]) {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => data.toString().startsWith('${GOODBYE}') && process.exit(0));
    socket.end('${GREETING}');
  });
  await once(server.listen(port, '0.0.0.0'), 'listening');
}
const [data] = await once(createConnection({ host: '127.0.0.1', port: ${closedPort} }), 'data');
console.log(data.toString() === '${GREETING}' ? 'ready' : 'wrong');
setTimeout(() => process.exit(0), ${LISTEN_MS});
`;
}

/**
 * The security group from outside, at a port that it opens and one that it does not. Has to be over before
 * the containers take the ports.
 */
export async function checkNetwork(
  ssh: Ssh,
  ports: { readonly streamTcp: number; readonly closed: number },
  book: CheckBook,
  signal: AbortSignal,
): Promise<void> {
  let isReady = false;
  let ended: string | null = null;
  const listening = ssh
    .run(`exec timeout 90 ${HOST_NODE} --input-type=module -`, {
      input: greeter(ports.streamTcp, ports.closed),
      timeoutMs: LISTEN_MS + 40_000,
      onLine: (line) => {
        if (line.trim() === 'ready') isReady = true;
      },
    })
    .then(
      ({ stderr }) => {
        ended = stderr.trim() || 'it ended';
      },
      (error: unknown) => {
        ended = reasonOf(error);
      },
    );
  try {
    await waitUntil(
      'the listeners on the instance',
      async () => {
        if (ended !== null) throw new Error(`the listeners did not come up: ${ended}`);
        return isReady ? true : null;
      },
      { timeoutMs: 60_000, intervalMs: 50, signal },
    );
    const { address } = ssh.target;
    const [open, closed] = await Promise.all([
      askPort(address, ports.streamTcp, ANSWER_MS),
      askPort(address, ports.closed, SILENCE_MS),
    ]);
    book.record('network.open-port', { actual: `${ports.streamTcp}/tcp ${open}`, isCorrect: open === 'answers' });
    book.record('network.closed-port', {
      actual: `${ports.closed}/tcp ${closed} outside, an answer inside`,
      isCorrect: closed === 'silent' || closed === 'refused',
    });
  } finally {
    if (!signal.aborted && ended === null)
      await ssh.run(`bash -c 'echo ${GOODBYE} > /dev/tcp/127.0.0.1/${ports.closed}'`);
    await listening;
  }
}
