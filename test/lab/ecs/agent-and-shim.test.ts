import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EcsShim } from '../../../lab/ecs/shim.ts';
import { parseFrame } from '../../../lab/ecs/wire.ts';
import { parseAwsRequest } from '../../../lab/endpoint/aws-request.ts';
import type { MotoClient } from '../../../lab/moto/client.ts';
import { projectFolder } from '../../../src/io/paths.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const ARN = 'arn:aws:ecs:us-west-2:123456789012:container-instance/lab/1';

/** Knows one cluster and registers one instance; fails on everything else. */
function moto(calls: string[]): MotoClient {
  return {
    send: async (_method, _path, headers, body) => {
      const action = String(headers['x-amz-target']).split('.')[1] ?? '';
      calls.push(action);
      const answers: Record<string, object> = {
        DescribeClusters: { clusters: [{ clusterName: 'lab', status: 'ACTIVE' }] },
        RegisterContainerInstance: {
          containerInstance: {
            containerInstanceArn: ARN,
            ec2InstanceId: 'i-1',
            attributes: [{ name: 'ecs.os-type', value: 'linux' }],
          },
        },
        DescribeContainerInstances: {
          containerInstances: [
            { containerInstanceArn: ARN, agentConnected: true, versionInfo: { agentVersion: '1.0.0' } },
          ],
        },
        DeregisterContainerInstance: { containerInstance: { containerInstanceArn: ARN } },
      };
      const answer = answers[action];
      if (!answer) throw new Error(`unexpected: ${action} ${String(body)}`);
      return {
        status: 200,
        headers: { 'content-type': 'application/x-amz-json-1.1' },
        body: Buffer.from(JSON.stringify(answer)),
      };
    },
    control: () => Promise.reject(new Error('unexpected')),
    close: () => undefined,
  };
}

async function listen(server: Server, at: string | number): Promise<Server> {
  await new Promise<void>((resolve) =>
    typeof at === 'string' ? server.listen(at, resolve) : server.listen(at, '127.0.0.1', resolve),
  );
  return server;
}
function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

let folder: string;
let calls: string[];
let log: string[];
let shim: EcsShim;
let api: Server;
let imds: Server;
let docker: Server;
let dropped: string | null;
const agents: ChildProcess[] = [];

beforeEach(async () => {
  folder = tempFolder();
  calls = [];
  log = [];
  dropped = null;
  shim = new EcsShim({ log: (line) => log.push(line), heartbeatMs: 50 });
  api = createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const request = { method: 'POST', path: '/', headers: incoming.headers, body: Buffer.concat(chunks) };
    const answer = await shim.service(parseAwsRequest(request), request, moto(calls));
    let body = answer?.body ?? Buffer.from('{}');
    if (dropped !== null) {
      const value = JSON.parse(String(body)) as { containerInstance?: { attributes: { name: string }[] } };
      if (value.containerInstance)
        value.containerInstance.attributes = value.containerInstance.attributes.filter(({ name }) => name !== dropped);
      body = Buffer.from(JSON.stringify(value));
    }
    outgoing.writeHead(answer?.status ?? 500, { ...answer?.headers }).end(body);
  });
  api.on('upgrade', (request, socket, head) => {
    if (!shim.upgrade(request, socket, head)) socket.destroy();
  });
  await listen(api, 0);
  const identity = JSON.stringify({ instanceId: 'i-1', region: 'us-west-2' });
  imds = await listen(
    createServer((request, response) => {
      const answers: Record<string, string> = {
        '/latest/api/token': 't',
        '/latest/dynamic/instance-identity/document': identity,
        '/latest/dynamic/instance-identity/signature': 's',
        '/latest/meta-data/iam/security-credentials/': 'role',
        '/latest/meta-data/iam/security-credentials/role': '{"AccessKeyId":"a","SecretAccessKey":"b","Token":"c"}',
      };
      const answer = answers[request.url ?? ''];
      response.writeHead(answer === undefined ? 404 : 200).end(answer);
    }),
    0,
  );
  docker = await listen(
    createServer((request, response) => {
      const answers: Record<string, string> = {
        '/version': '{"Version":"20.10.24"}',
        '/info': '{"NCPU":2,"MemTotal":4294967296}',
      };
      const answer = answers[request.url ?? ''];
      response.writeHead(answer === undefined ? 404 : 200).end(answer);
    }),
    join(folder, 'docker.sock'),
  );
});
afterEach(() => {
  for (const agent of agents.splice(0)) agent.kill('SIGKILL');
  shim.close();
  for (const server of [api, imds, docker]) {
    server.closeAllConnections();
    server.close();
  }
});

/** The user's file; what stands in the image's is the same for each test. */
async function startAgent(more: Record<string, string> = {}, dockerSocket = 'docker.sock') {
  const root = join(folder, 'root');
  const write = async (path: string, values: Record<string, string>): Promise<void> => {
    await mkdir(join(root, dirname(path)), { recursive: true });
    await writeFile(
      join(root, path),
      Object.entries(values)
        .map((pair) => `${pair.join('=')}\n`)
        .join(''),
    );
  };
  await write('var/lib/ecs/ecs.config', {
    ECS_CLUSTER: 'of-the-image',
    ECS_DATADIR: join(folder, 'data'),
    ECS_VOLUME_PLUGIN_CAPABILITIES: '[]',
  });
  await write('etc/ecs/ecs.config', {
    ECS_CLUSTER: 'lab',
    ECS_BACKEND_HOST: urlOf(api),
    AWS_EC2_METADATA_SERVICE_ENDPOINT: urlOf(imds),
    ECS_INSTANCE_ATTRIBUTES: '{"zone":"lab", "note":"a = \'b\' # c"}',
    ...more,
  });
  const agent = spawn(process.execPath, [join(projectFolder(), 'lab', 'ecs-agent', 'main.ts'), 'start'], {
    env: {
      ECS_LAB_ROOT: root,
      DOCKER_HOST: `unix://${join(folder, dockerSocket)}`,
      // What systemd made of a file is not what the agent is given.
      ECS_CLUSTER: 'of-systemd',
      ECS_INSTANCE_ATTRIBUTES: '{zone:lab}',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  agent.stdout.on('data', (chunk: Buffer) => {
    said += String(chunk);
  });
  agents.push(agent);
  return {
    agent,
    said: () => said,
    ended: new Promise<number | null>((resolve) => agent.once('exit', resolve)),
  };
}
async function waitForLog(part: string, times = 1): Promise<void> {
  for (let tries = 0; log.filter((line) => line.includes(part)).length < times; tries += 1) {
    if (tries > 400) throw new Error(`"${part}" was not logged: ${log.join('; ')}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
async function ask(action: string, body: object): Promise<Record<string, unknown>> {
  const answer = await fetch(urlOf(api), {
    method: 'POST',
    headers: {
      'x-amz-target': `AmazonEC2ContainerServiceV20141113.${action}`,
      authorization:
        'AWS4-HMAC-SHA256 Credential=lab/20261123/us-west-2/ecs/aws4_request, SignedHeaders=host, Signature=x',
    },
    body: JSON.stringify(body),
  });
  return (await answer.json()) as Record<string, unknown>;
}

test('the agent registers, connects, ends promptly, and is the same container instance after a restart', async () => {
  const first = await startAgent();
  await waitForLog('is connected');
  expect(await ask('DescribeContainerInstances', { cluster: 'lab', containerInstances: [ARN] })).toMatchObject({
    containerInstances: [
      {
        agentConnected: true,
        attributes: expect.arrayContaining([
          { name: 'zone', value: 'lab' },
          { name: 'note', value: "a = 'b' # c" },
        ]),
        versionInfo: { agentVersion: expect.stringContaining('lab') },
      },
    ],
  });
  expect(await ask('DeleteCluster', { cluster: 'lab' })).toMatchObject({
    __type: 'ClusterContainsContainerInstancesException',
  });
  const before = performance.now();
  first.agent.kill('SIGTERM');
  expect(await first.ended).toBe(0);
  expect(performance.now() - before).toBeLessThan(3000);
  await waitForLog('is gone');
  expect(await ask('DescribeContainerInstances', { cluster: 'lab', containerInstances: [ARN] })).toMatchObject({
    containerInstances: [{ agentConnected: false }],
  });
  await startAgent();
  await waitForLog('registered again');
  await waitForLog('is connected', 2);
  expect(calls.filter((action) => action === 'RegisterContainerInstance')).toHaveLength(1);
});

test('what is final ends with 5, a Docker that is away with 255, and all else is tried again inside', async () => {
  dropped = 'zone';
  expect(await (await startAgent()).ended).toBe(5);
  dropped = null;
  const good = await startAgent();
  await waitForLog('is connected');
  good.agent.kill('SIGTERM');
  await good.ended;
  expect(await (await startAgent({ ECS_CLUSTER: 'other' })).ended).toBe(5);
  calls.length = 0;
  expect(await (await startAgent({}, 'none.sock')).ended).toBe(255);
  expect(calls).toEqual([]);
  const odd = await startAgent({ ECS_INSTANCE_ATTRIBUTES: '"{\\"stack\\":\\"prod\\"}"' });
  await expect
    .poll(() => odd.said().match(/retrying in .*ECS_INSTANCE_ATTRIBUTES/g)?.length, { timeout: 10_000 })
    .toBe(2);
  expect(odd.agent.exitCode).toBeNull();
});

test('an instance that is gone is no container instance any more', async () => {
  await startAgent();
  await waitForLog('is connected');
  await shim.forgetInstance('i-1');
  expect(calls).toContain('DeregisterContainerInstance');
});

test('telemetry frames carry signed header lines before their JSON', () => {
  expect(parseFrame('Authorization: x\r\nHost: y\r\n\r\n{"type":"A","message":{}}')).toEqual({
    type: 'A',
    message: {},
  });
  expect(parseFrame('{"type":"B","message":{"a":1}}')).toEqual({ type: 'B', message: { a: 1 } });
});
