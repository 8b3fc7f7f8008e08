import { createSocket } from 'node:dgram';
import { createConnection, createServer } from 'node:net';
import { answerTo } from './names.ts';

/**
 * The only process of the lab that listens inside the namespace (the daemon starts it with `nsenter --net`; a process
 * has one network namespace). It understands nothing of them: each connection is piped to a unix socket of the daemon,
 * after one line that says who called:
 *
 *     PEER <ip> <port>\n
 *
 * It is the name server of machines, too (lab/net/names.ts).
 *
 * Arguments: one `<ip>:<port>=<unix socket>` each, and `<name>,<name>@<ip>:<port>` for the names of an address, which
 * are told there by UDP. Prints `ready` when all of them listen. Ends when stdin ends, so it cannot outlive the daemon.
 */
type Forward = { readonly host: string; readonly port: number; readonly socket: string };

function parse(argument: string): Forward {
  const match = /^([\d.]+):(\d+)=(.+)$/.exec(argument);
  if (!match?.[1] || !match[2] || !match[3]) throw new Error(`not an address=socket pair: ${argument}`);
  return { host: match[1], port: Number(match[2]), socket: match[3] };
}

function forward({ host, port, socket }: Forward): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer({ allowHalfOpen: true }, (caller) => {
      const inner = createConnection({ path: socket, allowHalfOpen: true });
      inner.write(`PEER ${caller.remoteAddress ?? '0.0.0.0'} ${caller.remotePort ?? 0}\n`);
      caller.pipe(inner);
      inner.pipe(caller);
      const end = (): void => {
        caller.destroy();
        inner.destroy();
      };
      caller.on('error', end);
      inner.on('error', end);
    });
    server.on('error', reject);
    server.listen({ host, port, backlog: 256 }, resolve);
  });
}

function nameServer(argument: string): Promise<void> {
  const [, names = '', address = '', port = ''] = /^([a-z0-9.*,-]+)@([\d.]+):(\d+)$/.exec(argument) ?? [];
  const known = { names: names.split(','), address };
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4', (message, { address: to, port: at }) => {
      const answer = answerTo(message, known);
      // Whoever does not get it asks again.
      if (answer !== null) socket.send(answer, at, to, () => {});
    });
    socket.on('error', reject);
    socket.bind({ address, port: Number(port) }, resolve);
  });
}

await Promise.all(
  process.argv.slice(2).map((argument) => (argument.includes('@') ? nameServer(argument) : forward(parse(argument)))),
);
process.stdout.write('ready\n');
process.stdin.on('end', () => process.exit(0));
process.stdin.on('error', () => process.exit(0));
process.stdin.resume();
