import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { type Answer, errorAnswer } from '../endpoint/aws-answer.ts';
import type { AwsRequest, RawRequest } from '../endpoint/aws-request.ts';
import type { ServiceHandler } from '../endpoint/handler.ts';
import type { MotoClient } from '../moto/client.ts';
import { clusterName, type Registration, Registrations } from './registrations.ts';
import { ACS_PATH, type Attribute, frame, parseFrame, TARGET_PREFIX, TCS_PATH } from './wire.ts';

/** The agent gives a silent connection up after one to two minutes. */
const HEARTBEAT_MS = 30_000;

export type EcsShim = {
  readonly service: ServiceHandler;
  /** Takes the agent's two websockets; false when the path is neither. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean;
  /** The instance is gone: its container instances are, too. */
  forgetInstance(instanceId: string): Promise<void>;
  close(): void;
};

type Body = Record<string, unknown>;

/** Scheduling tasks is not taught: better a plain refusal than moto's word that a task runs that nobody started. */
const UNTAUGHT = new Set([
  'RunTask',
  'StartTask',
  'StopTask',
  'CreateService',
  'UpdateService',
  'CreateTaskSet',
  'ExecuteCommand',
]);

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

/**
 * The ECS control plane as a container host sees it. moto keeps clusters and container instances; this stands in front of it and does what
 * moto lacks: every attribute echoed (else the agent ends with exit code 5), re-registration under the same ARN, DiscoverPollEndpoint,
 * the two websockets, and the truth about whether an agent is connected.
 */
export function createEcsShim(options: { log: (line: string) => void; heartbeatMs?: number }): EcsShim {
  const { log } = options;
  const registrations = new Registrations();
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 4 * 1024 * 1024 });
  let lastMoto: MotoClient | null = null;

  /** Asks moto in the name of whoever called, with another action or body. */
  const askMoto = async (
    moto: MotoClient,
    request: RawRequest,
    action: string,
    body: Body,
  ): Promise<{ status: number; value: Body }> => {
    const headers = { ...request.headers, 'x-amz-target': `${TARGET_PREFIX}.${action}`, 'x-lab-action': action };
    const answer = await moto.send('POST', '/', headers, Buffer.from(JSON.stringify(body)));
    const isJson = String(answer.headers['content-type'] ?? '').includes('json');
    return { status: answer.status, value: isJson ? parse(answer.body) : {} };
  };

  const register = async (call: AwsRequest, request: RawRequest, moto: MotoClient): Promise<Answer> => {
    const body = parse(request.body);
    const attributes = (Array.isArray(body['attributes']) ? body['attributes'] : []) as Attribute[];
    const cluster = clusterName(text(body['cluster']) || 'default');
    const known = registrations.get(text(body['containerInstanceArn']));
    if (known) {
      if (known.cluster !== cluster)
        return refuse('ClientException', 'Container instance is registered in another cluster.');
      known.attributes = attributes;
      log(`ecs: ${known.instanceId} registered again as ${known.arn}`);
      return json(200, {
        containerInstance: {
          containerInstanceArn: known.arn,
          ec2InstanceId: known.instanceId,
          status: 'ACTIVE',
          attributes,
        },
      });
    }
    let instanceId: string;
    try {
      instanceId = text((JSON.parse(text(body['instanceIdentityDocument'])) as Body)['instanceId']);
    } catch {
      return refuse('ClientException', 'The instance identity document is not valid.');
    }
    const clusters = await askMoto(moto, request, 'DescribeClusters', { clusters: [cluster] });
    const found = (clusters.value['clusters'] as Body[] | undefined)?.some((each) => each['status'] === 'ACTIVE');
    if (!found) return refuse('ClusterNotFoundException', 'Cluster not found.');
    const answer = await askMoto(moto, request, 'RegisterContainerInstance', { ...body, attributes: [] });
    const instance = answer.value['containerInstance'] as Body | undefined;
    const arn = text(instance?.['containerInstanceArn']);
    if (!isOk(answer) || arn === '')
      return refuse('ClientException', `moto does not register ${instanceId}: HTTP ${answer.status}`);
    registrations.put({
      arn,
      cluster,
      region: call.region,
      instanceId,
      attributes,
      agentVersion: '',
      dockerVersion: '',
      connections: 0,
    });
    log(`ecs: ${instanceId} registered in ${cluster} as ${arn}`);
    return json(200, { containerInstance: { ...instance, attributes } });
  };

  /** What is true of an agent, over what moto makes up. */
  const overlay = (instance: Body): Body => {
    const known = registrations.get(text(instance['containerInstanceArn']));
    if (!known) return { ...instance, agentConnected: false };
    return {
      ...instance,
      ec2InstanceId: known.instanceId,
      agentConnected: known.connections > 0,
      attributes: known.attributes,
      versionInfo: { agentVersion: known.agentVersion, dockerVersion: known.dockerVersion },
    };
  };

  const describe = async (request: RawRequest, moto: MotoClient): Promise<Answer> => {
    const answer = await askMoto(moto, request, 'DescribeContainerInstances', parse(request.body));
    const instances = (answer.value['containerInstances'] as Body[] | undefined) ?? [];
    return json(
      answer.status,
      isOk(answer) ? { ...answer.value, containerInstances: instances.map(overlay) } : answer.value,
    );
  };

  const deregister = async (request: RawRequest, moto: MotoClient): Promise<Answer> => {
    const body = parse(request.body);
    const answer = await askMoto(moto, request, 'DeregisterContainerInstance', body);
    const wanted = text(body['containerInstance']);
    if (isOk(answer)) {
      const known =
        registrations.get(wanted) ??
        registrations.get(text((answer.value['containerInstance'] as Body | undefined)?.['containerInstanceArn']));
      if (known) registrations.delete(known.arn);
    }
    return json(answer.status, answer.value);
  };

  const deleteCluster = (call: AwsRequest, request: RawRequest): Answer | null => {
    const cluster = clusterName(text(parse(request.body)['cluster']));
    return registrations.ofCluster(call.region, cluster).length === 0
      ? null
      : refuse(
          'ClusterContainsContainerInstancesException',
          'The Cluster cannot be deleted while Container Instances are active or draining.',
        );
  };

  const service: ServiceHandler = async (call, request, moto) => {
    lastMoto = moto;
    if (UNTAUGHT.has(call.action))
      return refuse('UnsupportedOperation', `${call.action} is not taught to the lab; see lab/README.md.`);
    switch (call.action) {
      case 'RegisterContainerInstance':
        return register(call, request, moto);
      case 'DescribeContainerInstances':
        return describe(request, moto);
      case 'DeregisterContainerInstance':
        return deregister(request, moto);
      case 'DeleteCluster':
        return deleteCluster(call, request);
      case 'DiscoverPollEndpoint': {
        // The agent is sent back to where it found us; it appends /ws.
        const base = `http://${text(request.headers['host'])}`;
        return json(200, { endpoint: `${base}/acs`, telemetryEndpoint: `${base}/tcs` });
      }
      case 'SubmitTaskStateChange':
      case 'SubmitContainerStateChange':
      case 'SubmitAttachmentStateChanges':
        return json(200, { acknowledgment: 'ok' });
      default:
        return null;
    }
  };

  const onAcs = (socket: WebSocket, query: URLSearchParams): void => {
    const known = registrations.get(query.get('containerInstanceArn') ?? '');
    if (!known) {
      socket.send(frame('InactiveInstanceException', { message: 'no such container instance' }));
      socket.close(1000);
      return;
    }
    known.connections += 1;
    known.agentVersion = query.get('agentVersion') ?? '';
    known.dockerVersion = query.get('dockerVersion') ?? '';
    log(`ecs: the agent of ${known.instanceId} is connected`);
    let beats = 0;
    const beat = (): void => {
      beats += 1;
      socket.send(frame('HeartbeatMessage', { healthy: true, messageId: `hb-${beats}` }));
    };
    beat();
    const timer = setInterval(beat, options.heartbeatMs ?? HEARTBEAT_MS);
    socket.on('close', () => {
      clearInterval(timer);
      known.connections -= 1;
      log(`ecs: the agent of ${known.instanceId} is gone`);
    });
  };

  const onTcs = (socket: WebSocket): void => {
    socket.on('message', (raw) => {
      const { type } = parseFrame(raw.toString());
      if (type === 'PublishMetricsRequest') socket.send(frame('AckPublishMetric', { message: 'ok' }));
      else if (type === 'PublishInstanceStatusRequest')
        socket.send(frame('AckPublishInstanceStatus', { message: 'ok' }));
      else socket.close(1002, `untaught message ${type}`);
    });
  };

  return {
    service,
    upgrade: (request, socket, head) => {
      const url = new URL(request.url ?? '/', 'http://lab');
      if (url.pathname !== ACS_PATH && url.pathname !== TCS_PATH) return false;
      sockets.handleUpgrade(request, socket, head, (accepted) => {
        accepted.on('error', () => accepted.terminate());
        if (url.pathname === ACS_PATH) onAcs(accepted, url.searchParams);
        else onTcs(accepted);
      });
      return true;
    },
    forgetInstance: async (instanceId) => {
      for (const known of registrations.ofInstance(instanceId)) {
        registrations.delete(known.arn);
        if (lastMoto) await deregisterInMoto(lastMoto, known);
      }
    },
    close: () => {
      for (const client of sockets.clients) client.terminate();
      sockets.close();
    },
  };
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
