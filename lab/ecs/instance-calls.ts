import { type Body, type Call, idOf, list, refused, text } from './call.ts';
import type { ControlPlane } from './control-plane.ts';
import { isConnected, type Registration } from './registrations.ts';
import { registeredResources, remaining, shownResources } from './resources.ts';
import { clusterOf, findCluster } from './task-calls.ts';
import type { Attribute } from './wire.ts';

function instanceIdIn(document: unknown): string | null {
  try {
    return text((JSON.parse(text(document)) as Body)['instanceId']);
  } catch {
    return null;
  }
}

export async function register(plane: ControlPlane, call: Call): Promise<Body> {
  const { body } = call;
  const attributes = list<Attribute>(body['attributes']);
  const cluster = clusterOf(body);
  const known = plane.registrations.get(text(body['containerInstanceArn']));
  if (known) return registerAgain(plane, known, cluster, body);
  const instanceId = instanceIdIn(body['instanceIdentityDocument']);
  if (instanceId === null) throw refused('ClientException', 'The instance identity document is not valid.');
  await findCluster(call, cluster);
  const answer = await call.ask('RegisterContainerInstance', { ...body, attributes: [] });
  const instance = answer['containerInstance'] as Body | undefined;
  const arn = text(instance?.['containerInstanceArn']);
  if (arn === '') throw refused('ClientException', `moto does not register ${instanceId}`);
  const resources = registeredResources(body);
  plane.registrations.put({
    arn,
    cluster,
    region: call.region,
    instanceId,
    status: 'ACTIVE',
    attributes,
    resources,
    agentVersion: '',
    dockerVersion: '',
    links: new Set(),
  });
  const gpus = resources.gpus.length > 0 ? `, with ${resources.gpus.length} GPU(s)` : '';
  plane.log(`ecs: ${instanceId} registered in ${cluster} as ${arn}${gpus}`);
  return { containerInstance: { ...instance, attributes } };
}

function registerAgain(plane: ControlPlane, known: Registration, cluster: string, body: Body): Body {
  if (known.cluster !== cluster)
    throw refused('ClientException', 'Container instance is registered in another cluster.');
  known.attributes = list<Attribute>(body['attributes']);
  known.resources = registeredResources(body);
  plane.log(`ecs: ${known.instanceId} registered again as ${known.arn}`);
  return {
    containerInstance: {
      containerInstanceArn: known.arn,
      ec2InstanceId: known.instanceId,
      status: known.status,
      attributes: known.attributes,
    },
  };
}

/** What is true of an instance and its agent, over what moto makes up. */
function overlay(plane: ControlPlane, instance: Body): Body {
  const known = plane.registrations.get(text(instance['containerInstanceArn']));
  if (!known) return { ...instance, agentConnected: false };
  const tasks = plane.tasks.on(known.arn);
  const count = (status: string): number => tasks.filter(({ lastStatus }) => lastStatus === status).length;
  const { taken } = plane.candidate(known);
  const hasGpus = known.resources.gpus.length > 0;
  return {
    ...instance,
    ec2InstanceId: known.instanceId,
    status: known.status,
    agentConnected: isConnected(known),
    attributes: known.attributes,
    versionInfo: { agentVersion: known.agentVersion, dockerVersion: known.dockerVersion },
    registeredResources: shownResources(known.resources, hasGpus),
    remainingResources: shownResources(remaining(known.resources, taken), hasGpus),
    runningTasksCount: count('RUNNING'),
    pendingTasksCount: count('PENDING'),
  };
}

export async function describeInstances(plane: ControlPlane, { ask, body }: Call): Promise<Body> {
  const answer = await ask('DescribeContainerInstances', body);
  const instances = list(answer['containerInstances']);
  return { ...answer, containerInstances: instances.map((instance) => overlay(plane, instance)) };
}

/** DRAINING: no more tasks come, those of services go elsewhere, and others are left alone. */
export async function updateInstancesState(plane: ControlPlane, { ask, body, region }: Call): Promise<Body> {
  const answer = await ask('UpdateContainerInstancesState', body);
  const instances = list(answer['containerInstances']);
  for (const { containerInstanceArn, status } of instances) {
    const known = plane.registrations.get(text(containerInstanceArn));
    if (known) known.status = status === 'DRAINING' ? 'DRAINING' : 'ACTIVE';
  }
  plane.changed({ region, cluster: clusterOf(body) });
  return { ...answer, containerInstances: instances.map((instance) => overlay(plane, instance)) };
}

/** With `force` its containers may run on; nobody knows of its tasks any more. */
export async function deregister(plane: ControlPlane, { ask, body, region }: Call): Promise<Body> {
  const known = plane.registrations.find(region, clusterOf(body), text(body['containerInstance']));
  if (known && plane.tasks.on(known.arn).length > 0 && body['force'] !== true)
    throw refused('InvalidParameterException', 'Found running tasks on the instance.');
  const answer = await ask('DeregisterContainerInstance', body);
  if (known) plane.forget(known, `Container instance ${idOf(known.arn)} deregistered.`);
  return answer;
}
