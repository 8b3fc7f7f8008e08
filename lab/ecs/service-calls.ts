import { type Body, type Call, idOf, list, refused, text, unsupported } from './call.ts';
import type { Service, Services } from './services.ts';
import { clusterOf, findCluster } from './task-calls.ts';
import { findTaskDefinition, onlyKnown } from './task-definition.ts';
import { now } from './tasks.ts';

const CREATE = new Set(
  (
    'cluster serviceName taskDefinition desiredCount launchType placementConstraints deploymentConfiguration tags ' +
    'clientToken schedulingStrategy enableECSManagedTags propagateTags'
  ).split(' '),
);
const UPDATE = new Set(
  'cluster service desiredCount taskDefinition placementConstraints deploymentConfiguration'.split(' '),
);
const DEPLOYMENT = new Set(['minimumHealthyPercent', 'maximumPercent']);

function percentages(body: Body): Partial<Pick<Service, 'minimumHealthyPercent' | 'maximumPercent'>> {
  const said = (body['deploymentConfiguration'] ?? {}) as Body;
  onlyKnown(said, DEPLOYMENT, 'deploymentConfiguration');
  return Object.fromEntries(Object.entries(said).map(([name, value]) => [name, Number(value)]));
}

function describe(services: Services, service: Service): Body {
  const { arn, name, definition, constraints, cluster: _, region: __, ...rest } = service;
  const { minimumHealthyPercent, maximumPercent, failedStarts: failedTasks, pausedUntil: ___, ...shown } = rest;
  const tasks = services.tasksOf(service);
  const count = (status: string): number => tasks.filter(({ lastStatus }) => lastStatus === status).length;
  const counts = {
    desiredCount: service.desiredCount,
    pendingCount: count('PENDING'),
    runningCount: count('RUNNING'),
  };
  return {
    ...shown,
    ...counts,
    serviceArn: arn,
    serviceName: name,
    taskDefinition: definition.arn,
    launchType: 'EC2',
    schedulingStrategy: 'REPLICA',
    placementConstraints: constraints,
    placementStrategy: [],
    loadBalancers: [],
    serviceRegistries: [],
    deploymentConfiguration: { minimumHealthyPercent, maximumPercent },
    deployments: [
      {
        ...counts,
        id: `ecs-svc/${name}`,
        status: 'PRIMARY',
        taskDefinition: definition.arn,
        failedTasks,
        createdAt: service.createdAt,
        launchType: 'EC2',
      },
    ],
  };
}

export async function createService(services: Services, call: Call): Promise<Body> {
  const { region, body } = call;
  onlyKnown(body, CREATE, 'CreateService');
  if (!['', 'EC2'].includes(text(body['launchType']))) throw unsupported(`launchType ${text(body['launchType'])}`);
  if (!['', 'REPLICA'].includes(text(body['schedulingStrategy']))) throw unsupported('schedulingStrategy DAEMON');
  const cluster = clusterOf(body);
  const clusterArn = await findCluster(call, cluster);
  const name = text(body['serviceName']);
  const before = services.find(region, cluster, name);
  if (before && before.status !== 'INACTIVE')
    throw refused('InvalidParameterException', 'Creation of service was not idempotent.');
  const service: Service = {
    arn: `${clusterArn.replace(':cluster/', ':service/')}/${name}`,
    name,
    region,
    cluster,
    clusterArn,
    createdAt: now(),
    tags: list(body['tags']),
    definition: await findTaskDefinition(call.ask, text(body['taskDefinition'])),
    desiredCount: Number(body['desiredCount'] ?? 0),
    constraints: list(body['placementConstraints']),
    minimumHealthyPercent: 100,
    maximumPercent: 200,
    ...percentages(body),
    status: 'ACTIVE',
    events: [],
    failedStarts: 0,
    pausedUntil: 0,
  };
  services.put(service);
  // Only a moment later does ECS look for a place.
  setImmediate(() => services.look(service));
  return { service: describe(services, service) };
}

async function found(services: Services, call: Call): Promise<Service> {
  const cluster = clusterOf(call.body);
  await findCluster(call, cluster);
  const service = services.find(call.region, cluster, idOf(text(call.body['service'])));
  if (!service) throw refused('ServiceNotFoundException', 'Service not found.');
  return service;
}

export async function updateService(services: Services, call: Call): Promise<Body> {
  const { body } = call;
  onlyKnown(body, UPDATE, 'UpdateService');
  const service = await found(services, call);
  if (service.status !== 'ACTIVE') throw refused('ServiceNotActiveException', 'Service was not ACTIVE.');
  if (body['taskDefinition'] !== undefined)
    service.definition = await findTaskDefinition(call.ask, text(body['taskDefinition']));
  if (body['placementConstraints'] !== undefined) service.constraints = list(body['placementConstraints']);
  service.desiredCount = Number(body['desiredCount'] ?? service.desiredCount);
  Object.assign(service, percentages(body));
  services.look(service);
  return { service: describe(services, service) };
}

/** With `force` its tasks are stopped; it is DRAINING until the last of them has ended. */
export async function deleteService(services: Services, call: Call): Promise<Body> {
  const service = await found(services, call);
  if (service.desiredCount > 0 && call.body['force'] !== true)
    throw refused('InvalidParameterException', 'The service cannot be stopped while it is scaled above 0.');
  if (service.status === 'ACTIVE') service.status = 'DRAINING';
  service.desiredCount = 0;
  services.look(service);
  return { service: describe(services, service) };
}

export async function describeServices(services: Services, call: Call): Promise<Body> {
  const { region, body } = call;
  const cluster = clusterOf(body);
  const clusterArn = await findCluster(call, cluster);
  const shown: Body[] = [];
  const failures: Body[] = [];
  for (const name of list<string>(body['services'])) {
    const service = services.find(region, cluster, idOf(name));
    if (service) shown.push(describe(services, service));
    else failures.push({ arn: `${clusterArn.replace(':cluster/', ':service/')}/${idOf(name)}`, reason: 'MISSING' });
  }
  return { services: shown, failures };
}

/** All in one page, without those that were deleted. */
export async function listServices(services: Services, call: Call): Promise<Body> {
  const cluster = clusterOf(call.body);
  await findCluster(call, cluster);
  const there = services.ofCluster(call.region, cluster).filter(({ status }) => status === 'ACTIVE');
  return { serviceArns: there.map(({ arn }) => arn) };
}
