import {
  CreateServiceCommand,
  DescribeServicesCommand,
  DescribeTasksCommand,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  type Task,
} from '@aws-sdk/client-ecs';
import type { AwsClients } from '../../aws/clients.ts';
import { deleteService } from '../../aws/clusters.ts';
import { deleteTaskDefinition } from '../../aws/task-definitions.ts';
import type { Ssh } from '../../host-access/ssh.ts';
import { poll, waitUntil } from '../../io/wait-until.ts';
import type { BuildPlan } from '../../plan/build-plan.ts';
import type { Releases } from '../../run/releases.ts';
import { ecsTags } from '../../run/tags.ts';
import type { TimeLimits } from '../../run/time-limits.ts';
import { type LaunchInput, nameOf, tagsOf } from '../launch.ts';
import { notOnRecord } from '../remote-facts.ts';
import type { CheckBook } from './check-book.ts';
import type { Registration } from './cluster-checks.ts';

const EXIT_CODE = 42;
const LOOKED = 'looked for GPUs';
/** The smallest in which nvidia-smi runs. */
const MEMORY_MIB = 128;
/** What the record may be behind. */
const RECORD_MS = 10_000;
const ASK_AGAIN_MS = 500;

/** A task that ECS is to start on one instance as soon as that is a container instance. */
export type AwaitedTask = {
  readonly clients: AwsClients;
  readonly cluster: string;
  readonly service: string;
  /** Deletes the service, and with it its task; once, however often it is called. */
  readonly end: () => Promise<void>;
};

type Options = { readonly limits: TimeLimits; readonly signal: AbortSignal };

/** Runs until it is told to end, and then ends in a way of its own. */
function commandOf(gpu: boolean): string {
  const look = gpu ? `nvidia-smi -L; echo '${LOOKED}'; ` : '';
  return `trap 'exit ${EXIT_CODE}' TERM; ${look}sleep 3600 & wait`;
}

/**
 * The image is one that the workload's registry has anyway, so that the agent's own pull is proved with it, on AWS and
 * in the lab alike.
 */
function imageOf({ developerWorkload: { baseImageRegistry } }: BuildPlan): string {
  return `${baseImageRegistry === '' ? '' : `${baseImageRegistry}/`}debian:bookworm`;
}

async function define({ clients, plan, runId }: LaunchInput): Promise<string> {
  const name = nameOf(runId);
  const { taskDefinition } = await clients.ecs.send(
    new RegisterTaskDefinitionCommand({
      family: name,
      networkMode: 'bridge',
      requiresCompatibilities: ['EC2'],
      containerDefinitions: [
        {
          name: 'task',
          image: imageOf(plan),
          cpu: 64,
          memory: MEMORY_MIB,
          essential: true,
          entryPoint: ['/bin/sh', '-c'],
          command: [commandOf(plan.gpu)],
          ...(plan.gpu
            ? {
                resourceRequirements: [{ type: 'GPU', value: '1' }],
                environment: [{ name: 'NVIDIA_DRIVER_CAPABILITIES', value: 'utility' }],
              }
            : {}),
        },
      ],
      tags: ecsTags(tagsOf(runId)),
    }),
  );
  return taskDefinition?.taskDefinitionArn ?? name;
}

/**
 * Has ECS keep one task running on this instance and on no other: a service, because RunTask fails at once where there
 * is no instance, and waits for none (docs/decisions/0203).
 */
export async function awaitTask(
  launch: LaunchInput,
  where: { readonly cluster: string; readonly instanceId: string },
  releases: Releases,
): Promise<AwaitedTask> {
  const { clients, runId } = launch;
  const { cluster, instanceId } = where;
  const taskDefinition = await define(launch);
  releases.add('the task definition', 'in the region', () => deleteTaskDefinition(clients, taskDefinition));
  const service = nameOf(runId);
  await clients.ecs.send(
    new CreateServiceCommand({
      cluster,
      serviceName: service,
      taskDefinition,
      desiredCount: 1,
      launchType: 'EC2',
      placementConstraints: [{ type: 'memberOf', expression: `ec2InstanceId == ${instanceId}` }],
      tags: ecsTags(tagsOf(runId)),
    }),
  );
  let ended: Promise<void> | null = null;
  const end = (): Promise<void> => {
    ended ??= deleteService(clients, cluster, service);
    return ended;
  };
  releases.add('the service', 'in the region', end);
  return { clients, cluster, service, end };
}

async function taskOf({ clients: { ecs }, cluster, service }: AwaitedTask): Promise<Task | null> {
  const { taskArns = [] } = await ecs.send(new ListTasksCommand({ cluster, serviceName: service }));
  if (taskArns.length === 0) return null;
  const { tasks = [] } = await ecs.send(new DescribeTasksCommand({ cluster, tasks: taskArns }));
  return tasks[0] ?? null;
}

/** What ECS said last of the service. */
async function eventsOf({ clients: { ecs }, cluster, service }: AwaitedTask): Promise<readonly string[]> {
  const { services = [] } = await ecs.send(new DescribeServicesCommand({ cluster, services: [service] }));
  return (services[0]?.events ?? []).map(({ message = '' }) => message);
}

/** While its host is denied: that ECS looked for a place shows that it was not merely slow. */
export async function checkWaits(task: AwaitedTask, book: CheckBook, { limits, signal }: Options): Promise<void> {
  const looked = async (): Promise<string | null> =>
    (await eventsOf(task)).find((message) => message.includes('unable to place a task')) ?? null;
  const timeoutMs = limits.registerMs;
  const said = await poll(looked, { timeoutMs, intervalMs: ASK_AGAIN_MS, signal });
  const placed = await taskOf(task);
  book.record('tasks.denied-waits', {
    actual:
      placed === null
        ? `no task, and ECS ${said === null ? 'says nothing' : 'says that it finds no instance'}`
        : `a task that is ${placed.lastStatus ?? 'there'}`,
    isCorrect: placed === null && said !== null,
    ...(said === null ? {} : { reason: said }),
  });
}

async function checkGpuInside(ssh: Ssh, task: Task, book: CheckBook, { limits, signal }: Options): Promise<void> {
  const [container] = task.containers ?? [];
  const given = container?.gpuIds?.[0] ?? 'none';
  const read = async (): Promise<string | null> => {
    const { stdout } = await ssh.run(`docker logs ${container?.runtimeId ?? ''} 2>&1`);
    return stdout.includes(LOOKED) ? stdout : null;
  };
  const timeoutMs = limits.registerMs;
  const log = await waitUntil("nvidia-smi in the task's container", read, {
    timeoutMs,
    intervalMs: ASK_AGAIN_MS,
    signal,
  });
  const seen = log.split('\n').filter((line) => line.startsWith('GPU '));
  const isThatOne = seen.length === 1 && seen[0]?.includes(given) === true;
  book.record('tasks.gpu', {
    actual: isThatOne ? 'the GPU that ECS gave it' : `${seen.length} GPU(s)`,
    isCorrect: isThatOne,
    reason: `ECS gave it ${given}; it sees ${seen.join(', ') || log}`,
  });
}

async function checkEnds(task: AwaitedTask, arn: string, book: CheckBook, { limits, signal }: Options): Promise<void> {
  const { clients, cluster } = task;
  const startedAt = performance.now();
  await task.end();
  const stopped = async (): Promise<Task | null> => {
    const { tasks = [] } = await clients.ecs.send(new DescribeTasksCommand({ cluster, tasks: [arn] }));
    return tasks[0]?.lastStatus === 'STOPPED' ? tasks[0] : null;
  };
  const timeoutMs = limits.registerMs;
  const ended = await waitUntil('the task to stop', stopped, { timeoutMs, intervalMs: ASK_AGAIN_MS, signal });
  const exitCode = ended.containers?.[0]?.exitCode;
  book.record('tasks.ended', {
    actual: `exit code ${exitCode ?? 'unknown'}`,
    isCorrect: exitCode === EXIT_CODE,
    durationMs: performance.now() - startedAt,
    ...(ended.stoppedReason === undefined ? {} : { reason: ended.stoppedReason }),
  });
}

/** Once the host is in the cluster: the task runs there, was seen to start, and ends when it is told to. */
export async function checkTask(
  ssh: Ssh,
  task: AwaitedTask,
  { registration, hasGpu, book }: { registration: Registration; hasGpu: boolean; book: CheckBook },
  options: Options,
): Promise<void> {
  const { limits, signal } = options;
  const startedAt = performance.now();
  const begun = async (): Promise<Task | null> => {
    const found = await taskOf(task);
    return found === null || found.lastStatus === 'RUNNING' || found.lastStatus === 'STOPPED' ? found : null;
  };
  const timeoutMs = limits.taskMs;
  const running = await poll(begun, { timeoutMs, intervalMs: ASK_AGAIN_MS, signal });
  if (running === null) throw new Error(`ECS did not start it: ${(await eventsOf(task))[0] ?? 'nothing was said'}`);
  const isHere = running.containerInstanceArn === registration.arn;
  const { runtimeId = '', reason } = running.containers?.[0] ?? {};
  const why = running.stoppedReason ?? reason;
  book.record('tasks.started', {
    actual: `${running.lastStatus} on ${isHere ? 'this host' : 'another host'}`,
    isCorrect: running.lastStatus === 'RUNNING' && isHere,
    durationMs: performance.now() - startedAt,
    ...(why === undefined ? {} : { reason: why }),
  });
  if (running.lastStatus !== 'RUNNING') throw new Error(why ?? 'the task did not run');
  const onRecord = await poll(async () => ((await notOnRecord(ssh, [runtimeId])).length === 0 ? true : null), {
    timeoutMs: RECORD_MS,
    intervalMs: ASK_AGAIN_MS,
    signal,
  });
  book.record('tasks.on-record', {
    actual: onRecord ? 'on the record' : `${runtimeId || 'a container without an id'} is not`,
    isCorrect: onRecord === true && runtimeId !== '',
  });
  if (hasGpu) await checkGpuInside(ssh, running, book, options);
  await checkEnds(task, running.taskArn ?? '', book, options);
}
