import { type Body, type Call, idOf, list, refused, text, unsupported } from './call.ts';
import type { ControlPlane } from './control-plane.ts';
import { choose, obstacle, taking, wishOf } from './placement.ts';
import type { Registration } from './registrations.ts';
import type { Resources } from './resources.ts';
import { findTaskDefinition, onlyKnown, overridden, type TaskDefinition } from './task-definition.ts';
import { describeTask, type Task } from './tasks.ts';

const RUN = new Set(
  (
    'cluster count taskDefinition launchType group startedBy overrides placementConstraints tags clientToken ' +
    'enableECSManagedTags propagateTags'
  ).split(' '),
);
const START = new Set('cluster containerInstances taskDefinition group startedBy overrides tags'.split(' '));
const MOST_AT_ONCE = 10;

export function clusterOf(body: Body): string {
  return idOf(text(body['cluster']) || 'default');
}

/** @throws Refused when it is not there, or was deleted */
export async function findCluster({ ask }: Call, cluster: string): Promise<string> {
  const { clusters } = await ask('DescribeClusters', { clusters: [cluster] });
  const found = list(clusters).find(({ status }) => status === 'ACTIVE');
  if (!found) throw refused('ClusterNotFoundException', 'Cluster not found.');
  return text(found['clusterArn']);
}

type Asked = { readonly definition: TaskDefinition; readonly clusterArn: string; readonly cluster: string };

async function asked(call: Call, known: ReadonlySet<string>): Promise<Asked> {
  const { body } = call;
  onlyKnown(body, known, 'the call');
  const cluster = clusterOf(body);
  const clusterArn = await findCluster(call, cluster);
  const found = await findTaskDefinition(call.ask, text(body['taskDefinition']));
  return { definition: overridden(found, (body['overrides'] ?? {}) as Body), clusterArn, cluster };
}

function begin(
  plane: ControlPlane,
  { body }: Call,
  definition: TaskDefinition,
  at: Registration,
  resources: Resources,
): Task {
  return plane.start({
    definition,
    instance: at,
    resources,
    group: text(body['group']) || `family:${definition.family}`,
    serviceArn: null,
    startedBy: text(body['startedBy']),
    overrides: (body['overrides'] ?? { containerOverrides: [] }) as Body,
    tags: list(body['tags']),
  });
}

/** With nowhere to put a task RunTask fails at once; waiting is what a service does. */
export async function runTask(plane: ControlPlane, call: Call): Promise<Body> {
  const { region, body } = call;
  if (!['', 'EC2'].includes(text(body['launchType']))) throw unsupported(`launchType ${text(body['launchType'])}`);
  const { definition, clusterArn, cluster } = await asked(call, RUN);
  const count = Number(body['count'] ?? 1);
  if (count < 1 || count > MOST_AT_ONCE)
    throw refused('InvalidParameterException', `Count must be between 1 and ${MOST_AT_ONCE}.`);
  if (plane.candidates({ region, cluster }).length === 0)
    throw refused('InvalidParameterException', 'No Container Instances were found in your cluster.');
  const group = text(body['group']) || `family:${definition.family}`;
  const tasks: Body[] = [];
  const failures: Body[] = [];
  for (let made = 0; made < count; made += 1) {
    const ofTheGroup = new Set(
      plane.tasks
        .ofCluster(region, cluster)
        .flatMap((task) => (task.group === group && task.lastStatus !== 'STOPPED' ? [task.instanceArn] : [])),
    );
    const constraints = list(body['placementConstraints']);
    const found = choose(definition, plane.candidates({ region, cluster }), { constraints, ofTheGroup });
    if ('failures' in found) failures.push(...found.failures);
    else tasks.push(describeTask(begin(plane, call, definition, found.instance, found.resources), clusterArn));
  }
  return { tasks, failures };
}

/** StartTask asks nobody where to: it fails for each instance that cannot take the task. */
export async function startTask(plane: ControlPlane, call: Call): Promise<Body> {
  const { region, body } = call;
  const { definition, clusterArn, cluster } = await asked(call, START);
  const wish = wishOf(definition);
  const tasks: Body[] = [];
  const failures: Body[] = [];
  for (const name of list<string>(body['containerInstances'])) {
    const instance = plane.registrations.find(region, cluster, name);
    const candidate = instance && plane.candidate(instance);
    const reason =
      candidate === undefined
        ? 'MISSING'
        : instance?.status === 'DRAINING'
          ? 'INACTIVE'
          : obstacle(definition, wish, candidate);
    if (candidate === undefined || reason !== null) failures.push({ arn: instance?.arn ?? name, reason });
    else
      tasks.push(describeTask(begin(plane, call, definition, candidate.instance, taking(wish, candidate)), clusterArn));
  }
  return { tasks, failures };
}

export async function stopTask(plane: ControlPlane, call: Call): Promise<Body> {
  const { region, body } = call;
  const cluster = clusterOf(body);
  const clusterArn = await findCluster(call, cluster);
  const task = plane.tasks.find(region, cluster, text(body['task']));
  if (!task) throw refused('InvalidParameterException', 'The referenced task was not found.');
  plane.stop(task, 'UserInitiated', text(body['reason']) || 'Task stopped by user');
  return { task: describeTask(task, clusterArn) };
}

export async function describeTasks(plane: ControlPlane, call: Call): Promise<Body> {
  const { region, body } = call;
  const cluster = clusterOf(body);
  const clusterArn = await findCluster(call, cluster);
  const tasks: Body[] = [];
  const failures: Body[] = [];
  for (const name of list<string>(body['tasks'])) {
    const task = plane.tasks.find(region, cluster, name);
    if (task) tasks.push(describeTask(task, clusterArn));
    else failures.push({ arn: name, reason: 'MISSING' });
  }
  return { tasks, failures };
}

/** All in one page. */
export async function listTasks(plane: ControlPlane, call: Call): Promise<Body> {
  const { region, body } = call;
  const cluster = clusterOf(body);
  await findCluster(call, cluster);
  const { containerInstance, family, serviceName, startedBy } = body;
  const desiredStatus = text(body['desiredStatus']) || 'RUNNING';
  const isAsked = (wanted: unknown, actual: string): boolean => wanted === undefined || idOf(text(wanted)) === actual;
  const tasks = plane.tasks
    .ofCluster(region, cluster)
    .filter(
      (task) =>
        task.desiredStatus === desiredStatus &&
        isAsked(containerInstance, idOf(task.instanceArn)) &&
        isAsked(family, task.definition.family) &&
        isAsked(serviceName, idOf(task.serviceArn ?? '')) &&
        isAsked(startedBy, task.startedBy),
    );
  return { taskArns: tasks.map(({ arn }) => arn) };
}
