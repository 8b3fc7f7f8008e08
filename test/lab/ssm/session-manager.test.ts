import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket, Server as SocketServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { parseAwsRequest } from '../../../lab/endpoint/aws-request.ts';
import type { MotoClient } from '../../../lab/moto/client.ts';
import { listenForPeers } from '../../../lab/net/peer-socket.ts';
import type { ToAgent } from '../../../lab/ssm/agent-line.ts';
import { FLAG, PAYLOAD } from '../../../lab/ssm/message.ts';
import { encodeFrame, FrameReader, MUX } from '../../../lab/ssm/mux.ts';
import { SessionManager } from '../../../lab/ssm/session-manager.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { FakeAgent } from './fake-agent.ts';
import { FakePlugin } from './fake-plugin.ts';

const REGION = 'us-west-2';
const INSTANCES = {
  '10.78.1.4': { instanceId: 'i-1', region: REGION, hasRole: true },
  '10.78.1.5': { instanceId: 'i-2', region: REGION, hasRole: false },
} as const;

let manager: SessionManager;
let peers: SocketServer;
let http: Server;
let path = '';

beforeEach(async () => {
  manager = new SessionManager({
    instanceAt: (address) => INSTANCES[address as keyof typeof INSTANCES] ?? null,
    log: () => undefined,
  });
  path = join(tempFolder(), 'ssm.sock');
  peers = await listenForPeers(path, manager.onAgent);
  http = createServer().on('upgrade', (request, socket, head) => {
    if (!manager.upgrade(request, socket, head)) socket.destroy();
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
});
afterEach(() => {
  manager.close();
  peers.close();
  http.close();
});

async function call(action: string, body: object, region = REGION): Promise<{ status: number; body: never }> {
  const request = {
    method: 'POST',
    path: '/',
    headers: {
      host: `127.0.0.1:${(http.address() as AddressInfo).port}`,
      'x-amz-target': `AmazonSSM.${action}`,
      authorization: `AWS4-HMAC-SHA256 Credential=k/20260101/${region}/ssm/aws4_request, Signature=x`,
    },
    body: Buffer.from(JSON.stringify(body)),
  };
  const answer = await manager.service(parseAwsRequest(request), request, {} as MotoClient);
  if (answer === null) throw new Error(`${action} was passed on`);
  return { status: answer.status, body: JSON.parse(answer.body.toString()) as never };
}

type Started = { readonly SessionId: string; readonly TokenValue: string; readonly StreamUrl: string };

const SSH = { Target: 'i-1', DocumentName: 'AWS-StartSSHSession' };
const FORWARD = {
  Target: 'i-1',
  DocumentName: 'AWS-StartPortForwardingSession',
  Parameters: { portNumber: ['22'], localPortNumber: ['8022'] },
};

async function start(body: object): Promise<Started> {
  const { status, body: started } = await call('StartSession', body);
  expect(status).toBe(200);
  return started;
}

async function open(body: object): Promise<{ readonly plugin: FakePlugin; readonly started: Started }> {
  const started = await start(body);
  const plugin = await FakePlugin.open(started.StreamUrl, started.TokenValue);
  // Before that the agent takes no data.
  await vi.waitUntil(() => plugin.payloads(PAYLOAD.handshakeComplete).length === 1);
  return { plugin, started };
}

function echo(stream: Socket): void {
  stream.pipe(stream);
}

async function withAgent(answer: (order: ToAgent) => string | ((stream: Socket) => void) = () => echo) {
  const agent = new FakeAgent(path, '10.78.1.4', answer);
  await agent.start();
  await vi.waitUntil(async () => (await call('GetConnectionStatus', { Target: 'i-1' })).body['Status'] === 'connected');
  return agent;
}

test('an instance is there for as long as its agent is, with a role, in its region', async () => {
  const refused = { __type: 'TargetNotConnected', message: 'i-1 is not connected.' };
  expect(await call('StartSession', SSH)).toMatchObject({ status: 400, body: refused });
  const agent = await withAgent();
  expect((await call('StartSession', SSH, 'us-east-1')).status).toBe(400);
  const listed = await call('DescribeInstanceInformation', {
    Filters: [{ Key: 'InstanceIds', Values: ['i-1', 'i-2'] }],
  });
  expect(listed.body).toMatchObject({
    InstanceInformationList: [
      { InstanceId: 'i-1', PingStatus: 'Online', PlatformName: 'Debian GNU/Linux', IPAddress: '10.78.1.4' },
    ],
  });
  expect((await call('DescribeInstanceInformation', { Filters: [{ Key: 'Colour', Values: [] }] })).body).toMatchObject({
    __type: 'InvalidFilterKey',
  });
  agent.stop();
  await vi.waitUntil(async () => (await call('StartSession', SSH)).status === 400);
  const lost = await call('DescribeInstanceInformation', {});
  expect(lost.body).toMatchObject({ InstanceInformationList: [{ InstanceId: 'i-1', PingStatus: 'ConnectionLost' }] });
  manager.forgetInstance('i-1');
  expect((await call('DescribeInstanceInformation', {})).body).toEqual({ InstanceInformationList: [] });
});

test('an agent without a role is not let in, whatever it says', async () => {
  const agent = new FakeAgent(path, '10.78.1.5', () => echo);
  await agent.start();
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect((await call('GetConnectionStatus', { Target: 'i-2' })).body).toMatchObject({ Status: 'notconnected' });
  expect((await call('DescribeInstanceInformation', {})).body).toEqual({ InstanceInformationList: [] });
});

test('ssh: one connection, both ways, that ends with its last words said', async () => {
  const agent = await withAgent(() => (stream) => {
    stream.write('SSH-2.0-lab\r\n');
    stream.once('data', (bytes: Buffer) => stream.end(`${bytes}, and goodbye`));
  });
  const { plugin } = await open(SSH);
  await vi.waitUntil(() => plugin.text() === 'SSH-2.0-lab\r\n');
  expect(agent.orders).toEqual([expect.objectContaining({ kind: 'connect', port: 22 })]);
  plugin.send(PAYLOAD.output, 'hello');
  await vi.waitUntil(() => plugin.closedBecause() !== null);
  expect(plugin.text()).toBe('SSH-2.0-lab\r\nhello, and goodbye');
  expect(plugin.closedBecause()).toBe('');
});

test('a port that nobody listens on ends the session with the reason', async () => {
  await withAgent(() => 'Connection refused');
  const { plugin } = await open(SSH);
  await vi.waitUntil(() => plugin.closedBecause() !== null);
  expect(plugin.closedBecause()).toBe('Unable to connect to specified port: Connection refused');
});

test('much more than fits on the way arrives whole, in both directions', async () => {
  await withAgent();
  const { plugin } = await open(SSH);
  const block = 'x'.repeat(1023);
  for (let count = 0; count < 3000; count += 1) plugin.send(PAYLOAD.output, `${block}\n`);
  await vi.waitUntil(() => plugin.text().length === 3000 * 1024, { timeout: 20_000, interval: 200 });
  expect(plugin.text() === `${block}\n`.repeat(3000)).toBe(true);
});

test('a forwarded port: connections side by side, each with its own end', async () => {
  await withAgent((order) => ('port' in order && order.port === 22 ? echo : 'no'));
  const { plugin } = await open(FORWARD);
  const frame = (command: number, stream: number, text = ''): void =>
    plugin.send(PAYLOAD.output, encodeFrame({ command, stream, data: Buffer.from(text) }));
  frame(MUX.open, 3);
  frame(MUX.data, 3, 'three');
  frame(MUX.open, 5);
  frame(MUX.data, 5, 'five');
  frame(MUX.end, 3);
  const seen = (): string[] =>
    [...new FrameReader().push(Buffer.concat(plugin.payloads(PAYLOAD.output)))].map(
      ({ command, stream, data }) => `${stream} ${command} ${data}`,
    );
  await vi.waitUntil(() => seen().includes('3 1 ') && seen().includes('5 2 five'));
  expect(seen()).not.toContain('5 1 ');
  expect(plugin.closedBecause()).toBeNull();
});

test('a forwarded port that nobody listens on is told by a flag, and only that connection ends', async () => {
  await withAgent(() => 'Connection refused');
  const { plugin } = await open(FORWARD);
  plugin.send(PAYLOAD.output, encodeFrame({ command: MUX.open, stream: 3, data: Buffer.alloc(0) }));
  await vi.waitUntil(() => plugin.payloads(PAYLOAD.flag).length === 1);
  expect(plugin.payloads(PAYLOAD.flag)[0]?.readUInt32BE()).toBe(FLAG.connectToPortError);
  expect(plugin.closedBecause()).toBeNull();
});

test('a shell has the size of the terminal of the client', async () => {
  const agent = await withAgent();
  const { plugin } = await open({ Target: 'i-1' });
  await vi.waitUntil(() => agent.orders.length === 1);
  plugin.send(PAYLOAD.size, JSON.stringify({ cols: 132, rows: 43 }));
  plugin.send(PAYLOAD.output, 'exit\n');
  await vi.waitUntil(() => plugin.text() === 'exit\n');
  const [shell, resize] = agent.orders;
  expect(shell).toMatchObject({ kind: 'shell' });
  expect(resize).toEqual({ kind: 'resize', id: shell && 'id' in shell ? shell.id : '', columns: 132, rows: 43 });
});

test('a client that lost its connection resumes where it was', async () => {
  let remote: Socket | null = null;
  await withAgent(() => (stream) => {
    remote = stream;
    echo(stream);
  });
  const { plugin, started } = await open(SSH);
  plugin.send(PAYLOAD.output, 'one ');
  await vi.waitUntil(() => plugin.text() === 'one ');
  plugin.drop();
  await vi.waitUntil(() => plugin.closeCode !== null);
  (remote as Socket | null)?.write('two ');
  const { body: resumed } = await call('ResumeSession', { SessionId: started.SessionId });
  const again = await FakePlugin.open(resumed['StreamUrl'], resumed['TokenValue'], plugin);
  again.send(PAYLOAD.output, 'three');
  await vi.waitUntil(() => again.text() === 'two three');
});

test('a token is good for its session, and once', async () => {
  await withAgent();
  const started = await start(SSH);
  const other = await start(SSH);
  const wrong = await FakePlugin.open(started.StreamUrl, other.TokenValue);
  await vi.waitUntil(() => wrong.closeCode === 1008);
  const right = await FakePlugin.open(started.StreamUrl, started.TokenValue);
  await vi.waitUntil(() => right.payloads(PAYLOAD.handshakeComplete).length === 1);
  const twice = await FakePlugin.open(started.StreamUrl, started.TokenValue);
  await vi.waitUntil(() => twice.closeCode === 1008);
});

test.for([
  ['TerminateSession', ''],
  ['the agent going', 'the agent is not connected any more'],
  ["the client's flag", ''],
] as const)('%s ends a session', async ([how, output]) => {
  const agent = await withAgent();
  const { plugin, started } = await open(SSH);
  if (how === 'TerminateSession') await call('TerminateSession', { SessionId: started.SessionId });
  else if (how === 'the agent going') agent.stop();
  else plugin.send(PAYLOAD.flag, Buffer.from([0, 0, 0, FLAG.terminateSession]));
  await vi.waitUntil(() => plugin.closedBecause() !== null);
  expect(plugin.closedBecause()).toBe(output);
  // As on AWS: without a token the plugin says that the session timed out, and ends.
  expect((await call('ResumeSession', { SessionId: started.SessionId })).body).toEqual({
    SessionId: started.SessionId,
  });
});

test('a client that cannot be what the document asks for ends the session', async () => {
  await withAgent();
  const { plugin } = await open(SSH);
  const action = { ActionType: 'SessionType', ActionStatus: 2, Error: 'Unknown session type' };
  plugin.send(PAYLOAD.handshakeResponse, JSON.stringify({ ProcessedClientActions: [action] }));
  await vi.waitUntil(() => plugin.closedBecause() !== null);
  expect(plugin.closedBecause()).toBe('SessionType failed on client with status 2 error: Unknown session type');
});

test('what else SSM can do is for moto', async () => {
  await expect(call('GetParameter', { Name: 'x' })).rejects.toThrow('GetParameter was passed on');
});
