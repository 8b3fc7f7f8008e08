import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { connect as connectTo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, rootCertificates } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listenForPeers, peerOf } from '../../../lab/net/peer-socket.ts';
import { type Authority, ensureAuthority } from '../../../lab/official/authority.ts';
import { type Door, standInDoor } from '../../../lab/official/door.ts';
import { Official } from '../../../lab/official/official.ts';

/** A service of the lab's own behind the door: reached over TLS by an official name, and told who asks. */
let folder: string;
let socketPath: string;
let authority: Authority;
let door: Door;
let listening: { close(): void };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'door-'));
  socketPath = join(folder, 'door.sock');
  authority = await ensureAuthority(folder);
  const http = createServer((incoming, outgoing) => {
    outgoing.end(JSON.stringify({ peer: peerOf(incoming.socket), host: incoming.headers.host, path: incoming.url }));
  });
  door = standInDoor({
    official: new Official([], () => undefined),
    authority,
    guests: [{ names: ['ecs.*.amazonaws.com'], http }],
    log: () => undefined,
  });
  listening = await listenForPeers(socketPath, door.onConnection);
});
afterAll(async () => {
  door.close();
  listening.close();
  await rm(folder, { recursive: true });
});

async function asked(host: string, ca: string): Promise<string> {
  const outer = connectTo(socketPath);
  // As the gateway begins a connection that a machine made.
  await new Promise((resolve) => outer.write('PEER 10.1.2.3 4567\n', resolve));
  return new Promise((resolve, reject) => {
    const socket = connect({ socket: outer, servername: host, ca });
    socket.on('error', reject);
    const call = request({ headers: { host }, path: '/v2/', createConnection: () => socket }, (answer) => {
      let body = '';
      answer.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      answer.on('end', () => resolve(body));
    });
    call.on('error', reject);
    call.end();
  });
}

test('it answers under its name, with a certificate of the lab, and knows the machine that asks', async () => {
  const answer = JSON.parse(await asked('ecs.us-east-2.amazonaws.com', authority.certificatePem));
  expect(answer).toEqual({ peer: '10.1.2.3', host: 'ecs.us-east-2.amazonaws.com', path: '/v2/' });
});

test('who does not trust the lab is not talked to', async () => {
  await expect(asked('ecs.us-east-2.amazonaws.com', rootCertificates[0] ?? '')).rejects.toThrow(/certificate/);
});

test('another name is nobody here', async () => {
  await expect(asked('ecs.example.org', authority.certificatePem)).rejects.toThrow();
});
