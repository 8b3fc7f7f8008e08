import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Answer, errorAnswer } from '../endpoint/aws-answer.ts';
import type { AwsRequest, RawRequest } from '../endpoint/aws-request.ts';
import type { ServiceHandler } from '../endpoint/handler.ts';
import type { MotoClient } from '../moto/client.ts';
import { AgentSockets } from './agent-sockets.ts';
import { clusterName, type Registration, Registrations } from './registrations.ts';
import { type Attribute, TARGET_PREFIX } from './wire.ts';

type Body = Record<string, unknown>;

function json(status: number, value: unknown): Answer {
  return {
    status,
    headers: { 'content-type': 'application/x-amz-json-1.1' },
    body: Buffer.from(JSON.stringify(value)),
  };
}

function refuse(code: string, message: string): Answer {
  return errorAnswer('json', 400, code, message);
}

function parse(body: Buffer): Body {
  const value: unknown = JSON.parse(body.length === 0 ? '{}' : body.toString('utf8'));
  return typeof value === 'object' && value !== null ? (value as Body) : {};
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function isOk(answer: { status: number }): boolean {
  return answer.status >= 200 && answer.status < 300;
}

/** One call of an API client, and the moto behind it. */
type Call = { readonly aws: AwsRequest; readonly request: RawRequest; readonly moto: MotoClient };

/**
 * The ECS control plane as a container host sees it. moto keeps clusters and container instances; this stands in front
 * of it and does what moto lacks: every attribute echoed (else the agent ends with exit code 5), re-registration under
 * the same ARN, DiscoverPollEndpoint, the two websockets, and the truth about whether an agent is connected.
 */
export class EcsShim {
  readonly #registrations = new Registrations();
  readonly #sockets: AgentSockets;
  readonly #log: (line: string) => void;
  #lastMoto: MotoClient | null = null;

  constructor(options: { readonly log: (line: string) => void; readonly heartbeatMs?: number }) {
    this.#log = options.log;
    this.#sockets = new AgentSockets({ ...options, registrations: this.#registrations });
  }

  readonly service: ServiceHandler = async (aws, request, moto) => {
    this.#lastMoto = moto;
    return this.#answer({ aws, request, moto });
  };

  /** Takes the agent's two websockets; false when the path is neither. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    return this.#sockets.upgrade(request, socket, head);
  }

  /** The instance is gone: its container instances are, too. */
  async forgetInstance(instanceId: string): Promise<void> {
    for (const known of this.#registrations.ofInstance(instanceId)) {
      this.#registrations.delete(known.arn);
      if (this.#lastMoto) await deregisterInMoto(this.#lastMoto, known);
    }
  }

  close(): void {
    this.#sockets.close();
  }

  async #answer(call: Call): Promise<Answer | null> {
    switch (call.aws.action) {
      case 'RegisterContainerInstance':
        return this.#register(call);
      case 'DescribeContainerInstances':
        return this.#describe(call);
      case 'DeregisterContainerInstance':
        return this.#deregister(call);
      case 'DeleteCluster':
        return this.#refuseToDeleteUsedCluster(call);
      case 'DiscoverPollEndpoint': {
        // The agent is sent back to where it found us; it appends /ws.
        const base = `http://${text(call.request.headers['host'])}`;
        return json(200, { endpoint: `${base}/acs`, telemetryEndpoint: `${base}/tcs` });
      }
      case 'SubmitTaskStateChange':
      case 'SubmitContainerStateChange':
      case 'SubmitAttachmentStateChanges':
        return json(200, { acknowledgment: 'ok' });
      default:
        return null;
    }
  }

  async #register(call: Call): Promise<Answer> {
    const body = parse(call.request.body);
    const attributes = (Array.isArray(body['attributes']) ? body['attributes'] : []) as Attribute[];
    const cluster = clusterName(text(body['cluster']) || 'default');
    const known = this.#registrations.get(text(body['containerInstanceArn']));
    if (known) return this.#registerAgain(known, cluster, attributes);
    const instanceId = instanceIdIn(body['instanceIdentityDocument']);
    if (instanceId === null) return refuse('ClientException', 'The instance identity document is not valid.');
    const clusters = await askMoto(call, 'DescribeClusters', { clusters: [cluster] });
    const isThere = (clusters.value['clusters'] as Body[] | undefined)?.some((each) => each['status'] === 'ACTIVE');
    if (!isThere) return refuse('ClusterNotFoundException', 'Cluster not found.');
    const answer = await askMoto(call, 'RegisterContainerInstance', { ...body, attributes: [] });
    const instance = answer.value['containerInstance'] as Body | undefined;
    const arn = text(instance?.['containerInstanceArn']);
    if (!isOk(answer) || arn === '')
      return refuse('ClientException', `moto does not register ${instanceId}: HTTP ${answer.status}`);
    this.#registrations.put({
      arn,
      cluster,
      region: call.aws.region,
      instanceId,
      attributes,
      agentVersion: '',
      dockerVersion: '',
      connections: 0,
    });
    this.#log(`ecs: ${instanceId} registered in ${cluster} as ${arn}`);
    return json(200, { containerInstance: { ...instance, attributes } });
  }

  #registerAgain(known: Registration, cluster: string, attributes: readonly Attribute[]): Answer {
    if (known.cluster !== cluster)
      return refuse('ClientException', 'Container instance is registered in another cluster.');
    known.attributes = attributes;
    this.#log(`ecs: ${known.instanceId} registered again as ${known.arn}`);
    return json(200, {
      containerInstance: {
        containerInstanceArn: known.arn,
        ec2InstanceId: known.instanceId,
        status: 'ACTIVE',
        attributes,
      },
    });
  }

  async #describe(call: Call): Promise<Answer> {
    const answer = await askMoto(call, 'DescribeContainerInstances', parse(call.request.body));
    if (!isOk(answer)) return json(answer.status, answer.value);
    const instances = (answer.value['containerInstances'] as Body[] | undefined) ?? [];
    return json(answer.status, {
      ...answer.value,
      containerInstances: instances.map((instance) => this.#overlay(instance)),
    });
  }

  /** What is true of an agent, over what moto makes up. */
  #overlay(instance: Body): Body {
    const known = this.#registrations.get(text(instance['containerInstanceArn']));
    if (!known) return { ...instance, agentConnected: false };
    return {
      ...instance,
      ec2InstanceId: known.instanceId,
      agentConnected: known.connections > 0,
      attributes: known.attributes,
      versionInfo: { agentVersion: known.agentVersion, dockerVersion: known.dockerVersion },
    };
  }

  async #deregister(call: Call): Promise<Answer> {
    const body = parse(call.request.body);
    const answer = await askMoto(call, 'DeregisterContainerInstance', body);
    if (isOk(answer)) {
      const found = text((answer.value['containerInstance'] as Body | undefined)?.['containerInstanceArn']);
      const known = this.#registrations.get(text(body['containerInstance'])) ?? this.#registrations.get(found);
      if (known) this.#registrations.delete(known.arn);
    }
    return json(answer.status, answer.value);
  }

  /** Null, so that moto deletes it, when no container instance is in it. */
  #refuseToDeleteUsedCluster({ aws, request }: Call): Answer | null {
    const cluster = clusterName(text(parse(request.body)['cluster']));
    return this.#registrations.ofCluster(aws.region, cluster).length === 0
      ? null
      : refuse(
          'ClusterContainsContainerInstancesException',
          'The Cluster cannot be deleted while Container Instances are active or draining.',
        );
  }
}

function instanceIdIn(document: unknown): string | null {
  try {
    return text((JSON.parse(text(document)) as Body)['instanceId']);
  } catch {
    return null;
  }
}

/** Asks moto in the name of whoever called, with another action or body. */
async function askMoto(call: Call, action: string, body: Body): Promise<{ status: number; value: Body }> {
  const headers = { ...call.request.headers, 'x-amz-target': `${TARGET_PREFIX}.${action}`, 'x-lab-action': action };
  const answer = await call.moto.send('POST', '/', headers, Buffer.from(JSON.stringify(body)));
  const isJson = String(answer.headers['content-type'] ?? '').includes('json');
  return { status: answer.status, value: isJson ? parse(answer.body) : {} };
}

/** As the owner of the account, in the registration's own region. */
async function deregisterInMoto(moto: MotoClient, { arn, cluster, region }: Registration): Promise<void> {
  const headers = {
    'content-type': 'application/x-amz-json-1.1',
    'x-amz-target': `${TARGET_PREFIX}.DeregisterContainerInstance`,
    authorization: `AWS4-HMAC-SHA256 Credential=lab/20260101/${region}/ecs/aws4_request, SignedHeaders=host, Signature=none`,
    host: `ecs.${region}.amazonaws.com`,
  };
  await moto.send('POST', '/', headers, Buffer.from(JSON.stringify({ cluster, containerInstance: arn, force: true })));
}
