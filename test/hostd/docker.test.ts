import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ContainerEvent, createDockerClient, type DockerClient, Refusal } from '../../hostd/docker.ts';
import { tempFolder } from '../support/temp-folder.ts';

/** A real HTTP server on a real socket; what it answers is the test's. */
let folder: string;
let client: DockerClient;
let answer: RequestListener;
let close: () => Promise<void>;

beforeEach(async () => {
  folder = tempFolder();
  const server = createServer((incoming, outgoing) => answer(incoming, outgoing));
  await new Promise<void>((resolve) => server.listen(join(folder, 'docker.sock'), resolve));
  client = createDockerClient(join(folder, 'docker.sock'));
  close = () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
});
afterEach(() => close());

function event(id: string): string {
  const actor = JSON.stringify({ ID: id, Attributes: { name: id } });
  // As text: so many digits are no number of JavaScript's.
  return `{"Type":"container","Action":"start","Actor":${actor},"timeNano":1795474032123456789}\n`;
}

/** Subscribes, and hands over the server's side of the stream. */
async function subscribe() {
  const seen: ContainerEvent[] = [];
  const opened = Promise.withResolvers<ServerResponse>();
  answer = (_, outgoing) => {
    outgoing.flushHeaders();
    opened.resolve(outgoing);
  };
  const { ended } = await client.subscribe((each) => seen.push(each));
  return { seen, ended, stream: await opened.promise };
}

test('an event is an id and what became of it', async () => {
  const { seen, ended, stream } = await subscribe();
  stream.end(event('a'));
  await ended;
  expect(seen).toEqual([{ action: 'start', id: 'a' }]);
});

test.each(['', event('b').slice(0, 40)])(
  'a dockerd that dies ends the subscription, and nothing else (after %j)',
  async (rest) => {
    const { seen, ended, stream } = await subscribe();
    await new Promise((resolve) => stream.write(event('a') + rest, resolve));
    await expect.poll(() => seen.length).toBe(1);
    stream.destroy();
    await ended;
    expect(seen.map(({ id }) => id)).toEqual(['a']);
  },
);

test('what ends inside of a character goes on in the next piece', async () => {
  const { seen, ended, stream } = await subscribe();
  const bytes = Buffer.from(event('zoë'));
  const cut = bytes.indexOf(0xc3) + 1;
  await new Promise((resolve) => stream.write(bytes.subarray(0, cut), resolve));
  stream.end(bytes.subarray(cut));
  await ended;
  expect(seen.map(({ id }) => id)).toEqual(['zoë']);
});

test('a container that is not in the list is null; a refusal says so; a cut-off answer is neither', async () => {
  const status =
    (code: number, body = '{}'): RequestListener =>
    (_, outgoing) =>
      outgoing.writeHead(code).end(body);
  const other = {
    Id: 'ab',
    Names: ['/one/alias', '/two'],
    State: 'running',
    Ports: [{ PrivatePort: 1, PublicPort: 2, Type: 'tcp' }],
  };
  answer = status(200, JSON.stringify([other]));
  expect(await client.look('a')).toBeNull();
  expect(await client.look('ab')).toEqual({ id: 'ab', name: 'two', isRunning: true, ports: { '1/tcp': 2 } });
  answer = status(500);
  await expect(client.look('a')).rejects.toThrow(Refusal);
  answer = (_, outgoing) => {
    outgoing.writeHead(200, { 'Content-Length': 100 }).write('{"Id":');
    setTimeout(() => outgoing.destroy(), 20);
  };
  await expect(client.look('a')).rejects.not.toThrow(Refusal);
});

test.each(['no answer', 'half an answer'])('a Docker that gives %s is not waited for', async (how) => {
  answer = (_, outgoing) => {
    if (how === 'half an answer') outgoing.writeHead(200, { 'Content-Length': 100 }).write('O');
  };
  await expect(client.ping(50)).rejects.toThrow(/Docker did not/);
});
