import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { poll } from '../io/wait-until.ts';

/*
 * Packer asks every five seconds whether an instance lets it in, which is long for one that boots in two, and for the
 * plugin of Session Manager, which listens a moment after the first time. It can be told a SOCKS proxy (RFC 1928), so
 * it is given one that takes its connection at once, and connects as soon as somebody answers. It goes where whoever is
 * on this machine could go by themselves: to port 22, and to a port of this machine that Packer has the plugin listen
 * on.
 */

const HOST = '127.0.0.1';
const SSH_PORT = 22;
/** Where Packer looks for a port that is free, unless it is told one (`session_manager_port`). */
const SESSION_PORTS = { host: 'localhost', first: 8000, last: 9000 } as const;
const VERSION = 5;
const NO_AUTHENTICATION = 0;
const CONNECT = 1;
const ADDRESS = { ipv4: 1, name: 3, ipv6: 4 } as const;
const DONE = 0;
const NOT_ALLOWED = 2;
/** Packer's own limit is shorter; this one is for a connection that nobody wants any more. */
const WAIT = { timeoutMs: 30 * 60_000, intervalMs: 200 };
/** A machine that is not up yet does not even refuse. */
const CONNECT_LIMIT_MS = 1000;

export type SshRelay = AsyncDisposable & { readonly host: string; readonly port: number };

/** So many bytes. @throws Error when the other side has gone before they came */
async function take(socket: Socket, count: number): Promise<Buffer> {
  for (;;) {
    const chunk = socket.read(count) as Buffer | null;
    if (chunk !== null && chunk.length === count) return chunk;
    if (chunk !== null || socket.readableEnded || socket.destroyed) throw new Error('the connection has ended');
    await once(socket, 'readable');
  }
}

async function takeHost(socket: Socket, kind: number): Promise<string> {
  if (kind === ADDRESS.ipv4) return (await take(socket, 4)).join('.');
  if (kind === ADDRESS.ipv6) return (await take(socket, 16)).toString('hex').replace(/(.{4})(?=.)/g, '$1:');
  const [length = 0] = await take(socket, 1);
  return (await take(socket, length)).toString();
}

/** A connection, or null while nobody takes one. */
function reach(host: string, port: number): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: CONNECT_LIMIT_MS });
    const give = (): void => {
      socket.destroy();
      resolve(null);
    };
    socket.once('error', give).once('timeout', give);
    socket.once('connect', () => {
      socket.off('error', give).off('timeout', give).setTimeout(0);
      socket.on('error', () => socket.destroy());
      resolve(socket);
    });
  });
}

/** Pure: whether it goes there. */
function isAllowed(host: string, port: number): boolean {
  const { host: here, first, last } = SESSION_PORTS;
  return port === SSH_PORT || (host === here && port >= first && port <= last);
}

function reply(client: Socket, outcome: number): void {
  client.write(Buffer.from([VERSION, outcome, 0, ADDRESS.ipv4, 0, 0, 0, 0, 0, 0]));
}

async function relay(client: Socket): Promise<void> {
  const [version, methods = 0] = await take(client, 2);
  if (version !== VERSION) return;
  await take(client, methods);
  client.write(Buffer.from([VERSION, NO_AUTHENTICATION]));
  const [, command, , kind = 0] = await take(client, 4);
  const host = await takeHost(client, kind);
  const port = (await take(client, 2)).readUInt16BE();
  if (command !== CONNECT || !isAllowed(host, port)) return reply(client, NOT_ALLOWED);
  const gone = new AbortController();
  client.once('close', () => gone.abort());
  const instance = await poll(() => reach(host, port), { ...WAIT, signal: gone.signal });
  if (instance === null) return;
  reply(client, DONE);
  await Promise.all([pipeline(client, instance), pipeline(instance, client)]);
}

/** Relays connections to where instances take ssh, on the loopback interface, until it is disposed of. */
export async function serveSsh(): Promise<SshRelay> {
  const clients = new Set<Socket>();
  const server = createServer((client) => {
    clients.add(client);
    client.setNoDelay(true).once('close', () => clients.delete(client));
    // Also while nothing is read: what has no listener would end the program.
    client.on('error', () => client.destroy());
    // Whoever is gone, on either side, ends it for both; Packer says what it makes of that.
    void relay(client).then(
      () => client.end(),
      () => client.destroy(),
    );
  });
  server.listen(0, HOST);
  await once(server, 'listening');
  return {
    host: HOST,
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) client.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
