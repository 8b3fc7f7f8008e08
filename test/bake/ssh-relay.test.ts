import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { type SshRelay, serveSsh } from '../../src/bake/ssh-relay.ts';

const ended: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0)) await end();
});

async function relayed(): Promise<{ client: Socket; relay: SshRelay }> {
  const relay = await serveSsh();
  const client = connect(relay.port, relay.host);
  ended.push(
    () => void client.destroy(),
    async () => relay[Symbol.asyncDispose](),
  );
  await once(client, 'connect');
  // However it is ended.
  client.on('error', () => undefined);
  client.write(Buffer.from([5, 1, 0]));
  expect(await next(client)).toEqual(Buffer.from([5, 0]));
  return { client, relay };
}

async function next(socket: Socket): Promise<Buffer> {
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  return chunk;
}

/** The request of a client that wants to go to a port of an address of this machine. */
function request(port: number, address: readonly number[] = [127, 0, 0, 22]): Buffer {
  return Buffer.from([5, 1, 0, 1, ...address, port >> 8, port & 255]);
}

/** The same by a name. */
function requestByName(port: number, name: string): Buffer {
  return Buffer.from([5, 1, 0, 3, name.length, ...Buffer.from(name), port >> 8, port & 255]);
}

/** What answers where the instance's sshd would, or the plugin of Session Manager. */
async function listen([port, host]: readonly [port: number, host: string]): Promise<void> {
  const server = createServer((socket) => void socket.end('SSH-2.0-here\r\n'));
  server.listen(port, host);
  await once(server, 'listening');
  ended.push(async () => void (await new Promise((resolve) => server.close(resolve))));
}

test.for([
  { to: 'the instance', asked: request(22), listening: [22, '127.0.0.22'] },
  { to: 'the plugin of Session Manager', asked: requestByName(8999, 'localhost'), listening: [8999, '127.0.0.1'] },
] as const)('a connection waits until $to answers, and is one to it from then on', async ({ asked, listening }) => {
  const { client } = await relayed();
  client.write(asked);
  await listen(listening);
  const said: Buffer[] = [];
  for await (const chunk of client) said.push(chunk as Buffer);
  const all = Buffer.concat(said);
  expect(all.subarray(0, 2)).toEqual(Buffer.from([5, 0]));
  expect(all.subarray(10).toString()).toBe('SSH-2.0-here\r\n');
});

test.for([
  { what: 'another port of an instance', asked: request(80) },
  { what: 'a port of an instance that is the plugin’s on this machine', asked: request(8047) },
  { what: 'a port of this machine that Packer gives no plugin', asked: requestByName(7999, 'localhost') },
])('nobody comes to $what', async ({ asked }) => {
  const { client } = await relayed();
  client.write(asked);
  expect((await next(client)).subarray(0, 2)).toEqual(Buffer.from([5, 2]));
});

test('nothing is left of it while a connection waits', async () => {
  const { client, relay } = await relayed();
  client.write(request(22));
  const closed = new Promise((resolve) => client.once('close', resolve));
  await relay[Symbol.asyncDispose]();
  await closed;
});

test('what speaks something else is let go', async () => {
  const relay = await serveSsh();
  ended.push(async () => relay[Symbol.asyncDispose]());
  const client = connect(relay.port, relay.host);
  client.write('GET / HTTP/1.1\r\n\r\n');
  client.resume();
  await new Promise((resolve) => client.on('error', () => undefined).once('close', resolve));
});
