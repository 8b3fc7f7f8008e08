import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Answer } from '../endpoint/aws-answer.ts';
import type { RawRequest } from '../endpoint/aws-request.ts';
import type { ServiceHandler } from '../endpoint/handler.ts';
import type { MotoClient } from '../moto/client.ts';
import { AgentSockets } from './agent-sockets.ts';
import {
  asksMoto,
  type Body,
  type Call,
  idOf,
  json,
  list,
  parse,
  Refused,
  refused,
  text,
  unsupported,
} from './call.ts';
import { ControlPlane } from './control-plane.ts';
import { deregister, describeInstances, register, updateInstancesState } from './instance-calls.ts';
import { createService, deleteService, describeServices, listServices, updateService } from './service-calls.ts';
import { Services } from './services.ts';
import { clusterOf, describeTasks, listTasks, runTask, startTask, stopTask } from './task-calls.ts';

/** Null passes the call on to moto. */
type Operation = (call: Call) => Promise<Body | null>;

/**
 * The ECS control plane as its clients and a container host see it. moto keeps clusters, task definitions and container
 * instances; this stands in front of it and does what moto lacks: what an agent needs in order to register and to be
 * connected, tasks that are placed and run by agents, and services.
 */
export class EcsShim {
  readonly #plane: ControlPlane;
  readonly #services: Services;
  readonly #sockets: AgentSockets;
  readonly #operations: ReadonlyMap<string, Operation>;
  #lastMoto: MotoClient | null = null;

  constructor(options: { readonly log: (line: string) => void; readonly heartbeatMs?: number }) {
    this.#plane = new ControlPlane(options.log, (where) => this.#services.look(where));
    this.#services = new Services(() => this.#plane);
    this.#sockets = new AgentSockets({ ...options, plane: this.#plane });
    this.#operations = new Map(Object.entries(this.#table(this.#plane, this.#services)));
  }

  readonly service: ServiceHandler = async (aws, request, moto) => {
    this.#lastMoto = moto;
    if (aws.action === 'DiscoverPollEndpoint') return pollEndpoints(request.headers);
    const operation = this.#operations.get(aws.action);
    if (!operation) return null;
    try {
      const { region } = aws;
      const value = await operation({ region, body: parse(request.body), ask: asksMoto(moto, region) });
      return value === null ? null : json(value);
    } catch (error) {
      if (error instanceof Refused) return error.answer;
      throw error;
    }
  };

  /** Takes the agent's two websockets; false when the path is neither. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    return this.#sockets.upgrade(request, socket, head);
  }

  /** The instance is gone: its container instances are, too. */
  async forgetInstance(instanceId: string): Promise<void> {
    for (const known of this.#plane.registrations.ofInstance(instanceId)) {
      this.#plane.forget(known, `Host EC2 (instance ${instanceId}) terminated.`);
      const { arn: containerInstance, cluster, region } = known;
      const order = { cluster, containerInstance, force: true };
      if (this.#lastMoto) await asksMoto(this.#lastMoto, region)('DeregisterContainerInstance', order);
    }
  }

  close(): void {
    this.#sockets.close();
  }

  #table(plane: ControlPlane, services: Services): Readonly<Record<string, Operation>> {
    const acknowledge: Operation = async () => ({ acknowledgment: 'ok' });
    return {
      RegisterContainerInstance: (call) => register(plane, call),
      DescribeContainerInstances: (call) => describeInstances(plane, call),
      UpdateContainerInstancesState: (call) => updateInstancesState(plane, call),
      DeregisterContainerInstance: (call) => deregister(plane, call),
      RunTask: (call) => runTask(plane, call),
      StartTask: (call) => startTask(plane, call),
      StopTask: (call) => stopTask(plane, call),
      DescribeTasks: (call) => describeTasks(plane, call),
      ListTasks: (call) => listTasks(plane, call),
      CreateService: (call) => createService(services, call),
      UpdateService: (call) => updateService(services, call),
      DeleteService: (call) => deleteService(services, call),
      DescribeServices: (call) => describeServices(services, call),
      ListServices: (call) => listServices(services, call),
      ListTaskDefinitionFamilies: listFamilies,
      DescribeClusters: (call) => this.#describeClusters(call),
      DeleteCluster: (call) => this.#refuseToDeleteUsedCluster(call),
      SubmitTaskStateChange: async (call) => {
        plane.taskChanged({ region: call.region, cluster: clusterOf(call.body) }, call.body);
        return { acknowledgment: 'ok' };
      },
      SubmitContainerStateChange: acknowledge,
      SubmitAttachmentStateChanges: acknowledge,
    };
  }

  async #describeClusters({ ask, body, region }: Call): Promise<Body> {
    const answer = await ask('DescribeClusters', body);
    return {
      ...answer,
      clusters: list(answer['clusters']).map((cluster) => ({
        ...cluster,
        ...this.#countsOf(region, text(cluster['clusterName'])),
      })),
    };
  }

  #countsOf(region: string, cluster: string): Readonly<Record<string, number>> {
    const tasks = this.#plane.tasks.ofCluster(region, cluster);
    const services = this.#services.ofCluster(region, cluster);
    return {
      registeredContainerInstancesCount: this.#plane.registrations.ofCluster(region, cluster).length,
      runningTasksCount: tasks.filter(({ lastStatus }) => lastStatus === 'RUNNING').length,
      pendingTasksCount: tasks.filter(({ lastStatus }) => lastStatus === 'PENDING').length,
      activeServicesCount: services.filter(({ status }) => status === 'ACTIVE').length,
    };
  }

  /** Null, so that moto deletes it, when nothing is in it. */
  async #refuseToDeleteUsedCluster({ body, region }: Call): Promise<null> {
    const counts = this.#countsOf(region, clusterOf(body));
    const holds = (what: string, why: string): Refused =>
      refused(`ClusterContains${what}Exception`, `The Cluster cannot be deleted while ${why}.`);
    if (counts['activeServicesCount'] !== 0) throw holds('Services', 'Services are active');
    if (counts['registeredContainerInstancesCount'] !== 0)
      throw holds('ContainerInstances', 'Container Instances are active or draining');
    if (counts['runningTasksCount'] !== 0 || counts['pendingTasksCount'] !== 0)
      throw holds('Tasks', 'Tasks are active');
    return null;
  }
}

/** moto lists also those of which nothing is ACTIVE. */
async function listFamilies({ ask, body }: Call): Promise<Body> {
  const status = text(body['status']) || 'ACTIVE';
  if (status === 'ALL') throw unsupported('ListTaskDefinitionFamilies of all states');
  const { taskDefinitionArns } = await ask('ListTaskDefinitions', { status });
  const families = list<string>(taskDefinitionArns).map((arn) => idOf(arn).replace(/:\d+$/, ''));
  const prefix = text(body['familyPrefix']);
  return { families: [...new Set(families)].filter((family) => family.startsWith(prefix)) };
}

/** The agent is sent back to where, and as, it found us; it appends /ws. */
function pollEndpoints(headers: RawRequest['headers']): Answer {
  const base = `${headers['x-forwarded-proto'] === 'https' ? 'https' : 'http'}://${text(headers['host'])}`;
  return json({ endpoint: `${base}/acs`, telemetryEndpoint: `${base}/tcs` });
}
