import { createServer, get, type Server } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, connect, createServer as createNetServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openArchive } from '../../../lab/mirror/apt-mirror.ts';
import { listenForPeers } from '../../../lab/net/peer-socket.ts';
import { type Authority, ensureAuthority } from '../../../lab/official/authority.ts';
import { serverNameIn } from '../../../lab/official/client-hello.ts';
import { type Door, openDoor, standInDoor } from '../../../lab/official/door.ts';
import { sharedTempFolder, tempFolder } from '../../support/temp-folder.ts';
import { makeOfficial } from './official-lab.ts';

const cache = sharedTempFolder();
let authority: Authority;
beforeAll(async () => {
  authority = await ensureAuthority(cache);
});

/** Where machines' connections arrive, behind the gateway. */
async function serve(door: Door): Promise<string> {
  const path = join(tempFolder(), 'door.sock');
  const server = await listenForPeers(path, door.onConnection);
  onTestFinished(() => {
    server.close();
    door.close();
  });
  return path;
}

/** A connection as the gateway makes it: who called, then the caller's own bytes. */
function viaGateway(path: string): Socket {
  const socket = connect({ path, allowHalfOpen: true });
  socket.write('PEER 10.78.1.4 40000\n');
  return socket;
}

function secured(path: string, servername: string): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ socket: viaGateway(path), servername, ca: authority.certificatePem });
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
  });
}

type Answer = { readonly status: number; readonly body: string };

async function fetched(path: string, host: string, url: string): Promise<Answer> {
  const socket = await secured(path, host);
  return new Promise((resolve, reject) => {
    const request = get({ createConnection: () => socket, host, path: url }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    request.on('error', reject);
  });
}

function listening(server: Server | ReturnType<typeof createNetServer>): Promise<number> {
  onTestFinished(() => void server.close());
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));
}

describe('behind which the lab stands in', () => {
  test('each host is itself to whoever trusts the lab, and has what its part has', async () => {
    const { official } = makeOfficial({ cache });
    const path = await serve(standInDoor({ official, authority, guests: [], log: () => {} }));
    const run = '/XFree86/Linux-x86_64/580.178.04/NVIDIA-Linux-x86_64-580.178.04.run';
    expect(await fetched(path, 'download.nvidia.com', run)).toMatchObject({ status: 200, body: '#!/bin/sh\n' });
    expect(await fetched(path, 'download.nvidia.com', '/other')).toMatchObject({ status: 404 });
    // By a name that a pattern has.
    const deb = '/amazon-ecs-agent-eu-west-1/amazon-ecs-init-latest.amd64.deb';
    expect(await fetched(path, 's3.eu-west-1.amazonaws.com', deb)).toMatchObject({ body: 'an agent\n' });
  });

  test('no other name is answered, not even that of a host which is reached without TLS', async () => {
    const { official } = makeOfficial({ cache });
    const path = await serve(standInDoor({ official, authority, guests: [], log: () => {} }));
    for (const name of ['example.com', 'archive.ubuntu.com', 'github.com'])
      await expect(secured(path, name), name).rejects.toThrow();
  });

  test('over HTTP only those hosts are answered that are reached so', async () => {
    const { official } = makeOfficial({ cache });
    const door = standInDoor({ official, authority, guests: [], log: () => {} });
    const port = await listening(
      createServer((request, response) => {
        if (!door.onRequest(request, response)) response.writeHead(418).end();
      }),
    );
    const statusFor = (host: string): Promise<number> =>
      new Promise((resolve) =>
        get({ host: '127.0.0.1', port, path: '/ubuntu/x', headers: { host } }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        }),
      );
    expect(await statusFor('us-west-2.ec2.archive.ubuntu.com')).toBe(404);
    expect(await statusFor('security.ubuntu.com:80')).toBe(404);
    for (const host of ['lab.internal', 'download.docker.com', '10.78.0.1']) expect(await statusFor(host)).toBe(418);
  });
});

describe('that lets official hosts in', () => {
  async function openWith(out: (name: string) => Promise<Socket>) {
    const { official, said } = makeOfficial({ cache });
    const nowhere = openArchive(cache, 'ubuntu', 'http://127.0.0.1:1', () => {});
    const log = (line: string): void => void said.push(line);
    const door = openDoor({ official, out, ubuntu: { archive: nowhere, security: nowhere }, log });
    return { path: await serve(door), said };
  }

  test('a listed one is reached byte for byte, with its own certificate', async () => {
    const { certificatePem: cert, keyPem: key } = await authority.leaf('download.docker.com');
    const real = createHttps({ cert, key }, (_request, response) => response.end('the real one'));
    const port = await listening(real);
    const asked: string[] = [];
    const { path } = await openWith(async (name) => {
      asked.push(name);
      return connect({ host: '127.0.0.1', port });
    });
    expect(await fetched(path, 'download.docker.com', '/')).toMatchObject({ status: 200, body: 'the real one' });
    expect(asked).toEqual(['download.docker.com']);
  });

  test('nobody else is asked for anything', async () => {
    const asked: string[] = [];
    const { path, said } = await openWith(async (name) => {
      asked.push(name);
      throw new Error('nobody');
    });
    for (const name of ['example.com', 'docker.com', 'github.com', 'archive.ubuntu.com'])
      await expect(secured(path, name), name).rejects.toThrow();
    const bare = viaGateway(path);
    const ended = new Promise<void>((resolve) => bare.once('close', () => resolve()));
    bare.write('GET / HTTP/1.1\r\nHost: download.docker.com\r\n\r\n');
    bare.on('end', () => bare.end());
    bare.resume();
    await ended;
    expect(asked).toEqual([]);
    expect(said.at(-1)).toContain('names no host');
  });

  test('a host that does not answer ends the connection, with the reason in the log', async () => {
    const { path, said } = await openWith(async () => Promise.reject(new Error('no way there')));
    await expect(secured(path, 'nvidia.github.io')).rejects.toThrow();
    expect(said).toContain('official: nvidia.github.io: no way there');
  });
});

describe('the name in a greeting', () => {
  async function greeting(servername: string): Promise<Buffer> {
    const first = Promise.withResolvers<Buffer>();
    const port = await listening(createNetServer((socket) => socket.once('data', first.resolve).on('error', () => {})));
    const client = connectTls({ host: '127.0.0.1', port, servername }).on('error', () => {});
    const bytes = await first.promise;
    client.destroy();
    return bytes;
  }

  test('is found however many pieces it comes in, and not before it is whole', async () => {
    const bytes = await greeting('Download.Docker.com');
    for (const length of [0, 1, 4, 5, 40, bytes.length - 1])
      expect(serverNameIn(bytes.subarray(0, length))).toBe('more');
    expect(serverNameIn(bytes)).toEqual({ name: 'download.docker.com' });
    // In two records, as RFC 8446 allows it.
    const body = bytes.subarray(5);
    const record = (piece: Buffer): Buffer =>
      Buffer.concat([bytes.subarray(0, 3), Buffer.from([piece.length >> 8, piece.length & 255]), piece]);
    const split = Buffer.concat([record(body.subarray(0, 30)), record(body.subarray(30))]);
    expect(serverNameIn(split)).toEqual({ name: 'download.docker.com' });
  });

  test.each([
    ['no TLS', Buffer.from('GET / HTTP/1.1\r\n')],
    ['a greeting whose lengths lie', Buffer.from([22, 3, 1, 0, 6, 1, 0, 0, 2, 3, 3])],
    ['another message', Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0])],
  ])('is none in %s', (_what, bytes) => {
    expect(serverNameIn(bytes)).toEqual({ name: null });
  });
});
