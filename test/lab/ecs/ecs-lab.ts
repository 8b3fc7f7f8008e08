import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { EcsShim } from '../../../lab/ecs/shim.ts';
import { parseAwsRequest } from '../../../lab/endpoint/aws-request.ts';
import type { MotoClient } from '../../../lab/moto/client.ts';
import { projectFolder } from '../../../src/io/paths.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { FakeDocker } from './fake-docker.ts';

export const ARN = 'arn:aws:ecs:us-west-2:123456789012:container-instance/lab/1';

type Body = Readonly<Record<string, unknown>>;

/** Knows one cluster, registers one instance and keeps task definitions; fails on everything else. */
class FakeMoto implements MotoClient {
  readonly calls: string[] = [];
  readonly definitions = new Map<string, Body>();

  async send(_method: string, _path: string, headers: NodeJS.Dict<string | string[]>, body: Buffer) {
    const action = String(headers['x-amz-target']).split('.')[1] ?? '';
    this.calls.push(action);
    const answer = this.#answer(action, JSON.parse(String(body)) as Body);
    return {
      status: answer === null ? 400 : 200,
      headers: { 'content-type': 'application/x-amz-json-1.1' },
      body: Buffer.from(JSON.stringify(answer ?? { __type: 'ClientException', message: `unexpected: ${action}` })),
    };
  }

  control(): Promise<never> {
    return Promise.reject(new Error('unexpected'));
  }

  close(): void {
    // Nothing is open.
  }

  #answer(action: string, body: Body): object | null {
    const instance = { containerInstanceArn: ARN, ec2InstanceId: 'i-1', status: body['status'] ?? 'ACTIVE' };
    const answers: Record<string, object> = {
      DescribeClusters: {
        clusters: [
          { clusterName: 'lab', clusterArn: 'arn:aws:ecs:us-west-2:123456789012:cluster/lab', status: 'ACTIVE' },
        ],
      },
      RegisterContainerInstance: {
        containerInstance: { ...instance, attributes: [{ name: 'ecs.os-type', value: 'linux' }] },
      },
      DescribeContainerInstances: {
        containerInstances: [{ ...instance, agentConnected: true, versionInfo: { agentVersion: '1.0.0' } }],
      },
      UpdateContainerInstancesState: { containerInstances: [instance], failures: [] },
      ListTaskDefinitions: { taskDefinitionArns: ['arn:x:task-definition/web:3', 'arn:x:task-definition/other:1'] },
      DeregisterContainerInstance: { containerInstance: { containerInstanceArn: ARN } },
    };
    if (action !== 'DescribeTaskDefinition') return answers[action] ?? null;
    const taskDefinition = this.definitions.get(String(body['taskDefinition']));
    return taskDefinition ? { taskDefinition } : null;
  }
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

export type StartedAgent = {
  readonly agent: ChildProcess;
  readonly said: () => string;
  readonly ended: Promise<number | null>;
};

/** The shim with a moto, and what an agent finds on its host: metadata, Docker, files. */
export class EcsLab {
  readonly folder = tempFolder();
  readonly log: string[] = [];
  readonly moto = new FakeMoto();
  readonly docker = new FakeDocker();
  readonly shim = new EcsShim({ log: (line) => this.log.push(line), heartbeatMs: 50 });
  /** An attribute that does not come back from a registration. */
  dropped: string | null = null;
  readonly #agents: ChildProcess[] = [];
  readonly #api: Server;
  readonly #imds: Server;

  private constructor() {
    this.#api = createServer(async (incoming, outgoing) => {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk as Buffer);
      const request = { method: 'POST', path: '/', headers: incoming.headers, body: Buffer.concat(chunks) };
      const answer = await this.shim.service(parseAwsRequest(request), request, this.moto);
      outgoing.writeHead(answer?.status ?? 500, { ...answer?.headers }).end(this.#withoutDropped(answer?.body));
    });
    this.#api.on('upgrade', (request, socket, head) => {
      if (!this.shim.upgrade(request, socket, head)) socket.destroy();
    });
    this.#imds = createServer((request, response) => {
      const answer = IMDS[request.url ?? ''];
      response.writeHead(answer === undefined ? 404 : 200).end(answer);
    });
  }

  static async up(): Promise<EcsLab> {
    const lab = new EcsLab();
    await Promise.all([
      listen(lab.#api, 0),
      listen(lab.#imds, 0),
      listen(lab.docker.server, join(lab.folder, 'docker.sock')),
    ]);
    return lab;
  }

  down(): void {
    for (const agent of this.#agents.splice(0)) agent.kill('SIGKILL');
    this.shim.close();
    for (const server of [this.#api, this.#imds, this.docker.server]) {
      server.closeAllConnections();
      server.close();
    }
  }

  /** The user's file; what stands in the image's is the same for each test. */
  async startAgent(more: Record<string, string> = {}, dockerSocket = 'docker.sock'): Promise<StartedAgent> {
    await this.put('var/lib/ecs/ecs.config', {
      ECS_CLUSTER: 'of-the-image',
      ECS_DATADIR: join(this.folder, 'data'),
      ECS_VOLUME_PLUGIN_CAPABILITIES: '[]',
    });
    await this.put('etc/ecs/ecs.config', {
      ECS_CLUSTER: 'lab',
      ECS_BACKEND_HOST: urlOf(this.#api),
      AWS_EC2_METADATA_SERVICE_ENDPOINT: urlOf(this.#imds),
      ECS_INSTANCE_ATTRIBUTES: '{"zone":"lab", "note":"a = \'b\' # c"}',
      ...more,
    });
    const agent = spawn(process.execPath, [join(projectFolder(), 'lab', 'ecs-agent', 'main.ts'), 'start'], {
      env: {
        ECS_LAB_ROOT: join(this.folder, 'root'),
        DOCKER_HOST: `unix://${join(this.folder, dockerSocket)}`,
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
    this.#agents.push(agent);
    return { agent, said: () => said, ended: new Promise((resolve) => agent.once('exit', resolve)) };
  }

  /** A file of the agent's host: of variables, or as it is. */
  async put(path: string, content: Record<string, string> | string): Promise<void> {
    const file = join(this.folder, 'root', path);
    await mkdir(dirname(file), { recursive: true });
    const lines = (values: Record<string, string>): string =>
      Object.entries(values)
        .map((pair) => `${pair.join('=')}\n`)
        .join('');
    await writeFile(file, typeof content === 'string' ? content : lines(content));
  }

  async logged(part: string, times = 1): Promise<void> {
    for (let tries = 0; this.log.filter((line) => line.includes(part)).length < times; tries += 1) {
      if (tries > 3000) throw new Error(`"${part}" was not logged: ${this.log.join('; ')}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async ask(action: string, body: object): Promise<Record<string, unknown>> {
    const answer = await fetch(urlOf(this.#api), {
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

  #withoutDropped(body: Buffer = Buffer.from('{}')): Buffer {
    if (this.dropped === null) return body;
    const value = JSON.parse(String(body)) as { containerInstance?: { attributes: { name: string }[] } };
    if (value.containerInstance)
      value.containerInstance.attributes = value.containerInstance.attributes.filter(
        ({ name }) => name !== this.dropped,
      );
    return Buffer.from(JSON.stringify(value));
  }
}

const IMDS: Readonly<Record<string, string>> = {
  '/latest/api/token': 't',
  '/latest/dynamic/instance-identity/document': JSON.stringify({ instanceId: 'i-1', region: 'us-west-2' }),
  '/latest/dynamic/instance-identity/signature': 's',
  '/latest/meta-data/iam/security-credentials/': 'role',
  '/latest/meta-data/iam/security-credentials/role': '{"AccessKeyId":"a","SecretAccessKey":"b","Token":"c"}',
};
