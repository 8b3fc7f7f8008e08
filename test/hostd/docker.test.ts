import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ContainerEvent, createDockerClient, type DockerClient, Refusal } from '../../hostd/docker.ts';
import { tempFolder } from '../support/temp-folder.ts';

/** A real HTTP server on a real socket; what it answers is the test's. */
let folder: string;
let client: DockerClient;
let answer: RequestListener;
/** What the Docker of the moment speaks. */
let speaks: { ApiVersion?: string; MinAPIVersion?: string };
/** All paths that were asked for. */
let asked: string[];
let close: () => Promise<void>;

beforeEach(async () => {
  folder = tempFolder();
  speaks = { ApiVersion: '1.41', MinAPIVersion: '1.12' };
  asked = [];
  const server = createServer((incoming, outgoing) => {
    const { url = '' } = incoming;
    asked.push(url);
    if (url === '/version') outgoing.end(JSON.stringify(speaks));
    else if (isSpoken(url)) answer(incoming, outgoing);
    else outgoing.writeHead(400).end('{"message":"client version is too old, or too new"}');
  });
  await new Promise<void>((resolve) => server.listen(join(folder, 'docker.sock'), resolve));
  client = createDockerClient(join(folder, 'docker.sock'));
  close = () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
});
afterEach(() => close());

/** As dockerd has it: a path without a version is in the newest, and one outside of its range is refused. */
function isSpoken(url: string): boolean {
  const minor = /^\/v1\.(\d+)\//.exec(url)?.[1];
  const [least, most] = [speaks.MinAPIVersion, speaks.ApiVersion].map((version) => Number(version?.split('.')[1] ?? 0));
  return minor === undefined || (Number(minor) >= (least ?? 0) && Number(minor) <= (most ?? 0));
}

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

describe('the version of the API', () => {
  const versions = (): string[] => [...new Set(asked.flatMap((path) => /^\/v[\d.]+/.exec(path)?.[0] ?? []))];
  beforeEach(() => {
    answer = (_, outgoing) => void outgoing.end('[]');
  });

  test.each([
    ['of Docker 20.10', { ApiVersion: '1.41', MinAPIVersion: '1.12' }, '/v1.41'],
    ['of one that knows more', { ApiVersion: '1.49', MinAPIVersion: '1.24' }, '/v1.41'],
    ['of one that refuses what is below 1.44', { ApiVersion: '1.52', MinAPIVersion: '1.44' }, '/v1.44'],
    ['of one that refuses what is above 1.40', { ApiVersion: '1.40', MinAPIVersion: '1.12' }, '/v1.40'],
    ['of one that names no least one', { ApiVersion: '1.41' }, '/v1.41'],
  ])('is one %s', async (_, those, version) => {
    speaks = those;
    expect(await client.list()).toEqual([]);
    await client.runningTasks();
    const { close: end } = await client.subscribe(() => undefined);
    end();
    expect(versions()).toEqual([version]);
  });

  test('is asked for once, and again after a loss of the events', async () => {
    await client.list();
    await client.list();
    await client.look('a');
    expect(asked.filter((path) => path === '/version')).toHaveLength(1);
    (await client.subscribe(() => undefined)).close();
    expect(asked.filter((path) => path === '/version')).toHaveLength(2);
  });

  test('is asked for again where another Docker refuses it, upgraded or downgraded', async () => {
    await client.list();
    speaks = { ApiVersion: '1.52', MinAPIVersion: '1.44' };
    expect(await client.list()).toEqual([]);
    speaks = { ApiVersion: '1.41', MinAPIVersion: '1.12' };
    expect(await client.list()).toEqual([]);
    expect(versions()).toEqual(['/v1.41', '/v1.44']);
  });

  test('is no matter for the pulse', async () => {
    speaks = { ApiVersion: '1.52', MinAPIVersion: '1.44' };
    await client.ping(1000);
    expect(asked).toEqual(['/_ping']);
  });

  test('is not asked for without an end: a refusal of what Docker itself named is one', async () => {
    answer = (_, outgoing) => void outgoing.writeHead(400).end('{}');
    await client.list().catch(() => undefined);
    await expect(client.list()).rejects.toThrow(Refusal);
    expect(asked.length).toBeLessThanOrEqual(8);
  });

  test.each(['', 'nonsense', '2.0', '1.999999'])(
    'that Docker does not say (%j) is an error in words',
    async (version) => {
      speaks = { ApiVersion: version };
      await expect(client.list()).rejects.toThrow('Docker does not say which version of its API it speaks');
      speaks = { ApiVersion: '1.41' };
      expect(await client.list()).toEqual([]);
    },
  );
});
