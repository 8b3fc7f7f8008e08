import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ARN, EcsLab } from './ecs-lab.ts';
import type { FakeContainer } from './fake-docker.ts';

type Shown = {
  readonly taskArn: string;
  readonly lastStatus: string;
  readonly desiredStatus: string;
  readonly stopCode?: string;
  readonly stoppedReason?: string;
  readonly containers: readonly Record<string, unknown>[];
};

const MAIN = { name: 'main', image: 'busybox:1', cpu: 64, memory: 64, essential: true };
const GPUS = ['GPU-00000000-0000-0000-0000-000000000001', 'GPU-00000000-0000-0000-0000-000000000002'];
const ON_THE_GPU = { ...MAIN, resourceRequirements: [{ type: 'GPU', value: '1' }] };

let lab: EcsLab;

beforeEach(async () => {
  lab = await EcsLab.up();
});
afterEach(() => lab.down());

/** As moto describes one: what was not said is there as nothing. */
function define(family: string, containers: readonly object[], more: object = {}): void {
  lab.moto.definitions.set(family, {
    taskDefinitionArn: `arn:aws:ecs:us-west-2:123456789012:task-definition/${family}:1`,
    family,
    revision: 1,
    status: 'ACTIVE',
    networkMode: 'bridge',
    volumes: [],
    containerDefinitions: containers.map((each) => ({ mountPoints: [], volumesFrom: [], ...each })),
    ...more,
  });
}

async function run(taskDefinition: string, more: object = {}) {
  return (await lab.ask('RunTask', { cluster: 'lab', taskDefinition, ...more })) as {
    tasks: Shown[];
    failures: { reason: string }[];
    message?: string;
    __type?: string;
  };
}

async function describeTask(arn: string): Promise<Shown> {
  const { tasks } = (await lab.ask('DescribeTasks', { cluster: 'lab', tasks: [arn] })) as { tasks: Shown[] };
  if (!tasks[0]) throw new Error(`no task ${arn}`);
  return tasks[0];
}

async function becomes(arn: string, status: string): Promise<Shown> {
  await expect.poll(async () => (await describeTask(arn)).lastStatus, { timeout: 60_000 }).toBe(status);
  return describeTask(arn);
}

async function instance(): Promise<Record<string, unknown>> {
  const answer = await lab.ask('DescribeContainerInstances', { cluster: 'lab', containerInstances: [ARN] });
  return (answer['containerInstances'] as Record<string, unknown>[])[0] ?? {};
}

async function containerOf(image = MAIN.image): Promise<FakeContainer> {
  await expect.poll(() => lab.docker.ofImage(image)?.status, { timeout: 60_000 }).toBe('running');
  return lab.docker.ofImage(image) as FakeContainer;
}

describe('a task that ECS starts', { timeout: 120_000 }, () => {
  test('is a container with what its definition says, and is told of with its exit code', async () => {
    define('web', [
      {
        ...MAIN,
        command: ['serve'],
        environment: [{ name: 'A', value: '1' }],
        portMappings: [{ containerPort: 8000, hostPort: 0, protocol: 'tcp' }],
        mountPoints: [{ sourceVolume: 'data', containerPath: '/data', readOnly: true }],
        logConfiguration: { logDriver: 'json-file', options: { 'max-size': '1m' } },
      },
    ], { volumes: [{ name: 'data', host: { sourcePath: '/srv/data' } }] });
    await lab.startAgent();
    await lab.logged('is connected');
    const { tasks } = await run('web', { overrides: { containerOverrides: [{ name: 'main', command: ['other'] }] } });
    expect(tasks).toMatchObject([{ lastStatus: 'PENDING', desiredStatus: 'RUNNING' }]);
    const arn = tasks[0]?.taskArn ?? '';
    const container = await containerOf();
    expect(lab.docker.pulled).toEqual(['busybox:1']);
    expect(container.name).toMatch(/^ecs-web-1-main-[0-9a-f]{20}$/);
    expect(container.spec).toMatchObject({
      Cmd: ['other'],
      Env: ['AWS_EXECUTION_ENV=AWS_ECS_EC2', 'A=1'],
      Labels: { 'com.amazonaws.ecs.task-arn': arn, 'com.amazonaws.ecs.cluster': 'lab' },
      HostConfig: {
        Binds: ['/srv/data:/data:ro'],
        PortBindings: { '8000/tcp': [{ HostPort: '0' }] },
        Memory: 64 * 1024 * 1024,
        CpuShares: 64,
        NetworkMode: 'bridge',
        LogConfig: { Type: 'json-file', Config: { 'max-size': '1m' } },
      },
    });
    expect(await becomes(arn, 'RUNNING')).toMatchObject({
      containerInstanceArn: ARN,
      containers: [
        {
          runtimeId: container.id,
          networkBindings: [{ bindIP: '0.0.0.0', containerPort: 8000, hostPort: 32_768, protocol: 'tcp' }],
        },
      ],
    });
    expect(await instance()).toMatchObject({
      runningTasksCount: 1,
      remainingResources: expect.arrayContaining([
        { name: 'CPU', type: 'INTEGER', integerValue: 2048 - 64 },
        { name: 'MEMORY', type: 'INTEGER', integerValue: 4096 - 64 },
      ]),
    });
    lab.docker.exit(container, 3);
    expect(await becomes(arn, 'STOPPED')).toMatchObject({
      stopCode: 'EssentialContainerExited',
      containers: [{ lastStatus: 'STOPPED', exitCode: 3 }],
    });
    expect(await instance()).toMatchObject({ runningTasksCount: 0 });
  });

  test('is stopped when it is told to, and one that is not essential ends without it', async () => {
    define('two', [MAIN, { ...MAIN, name: 'side', image: 'side:1', essential: false }]);
    await lab.startAgent();
    await lab.logged('is connected');
    const arn = (await run('two')).tasks[0]?.taskArn ?? '';
    await becomes(arn, 'RUNNING');
    lab.docker.exit(await containerOf('side:1'), 0);
    await expect
      .poll(async () => (await describeTask(arn)).containers[1], { timeout: 60_000 })
      .toMatchObject({ lastStatus: 'STOPPED', exitCode: 0 });
    expect(await lab.ask('StopTask', { cluster: 'lab', task: arn, reason: 'enough' })).toMatchObject({
      task: { desiredStatus: 'STOPPED', lastStatus: 'RUNNING' },
    });
    expect(await becomes(arn, 'STOPPED')).toMatchObject({
      stopCode: 'UserInitiated',
      stoppedReason: 'enough',
      containers: [{ exitCode: 143 }, { exitCode: 0 }],
    });
  });

  test('that cannot start says why: no image, or what the stand-in was not taught', async () => {
    define('nowhere', [{ ...MAIN, image: 'nowhere:1' }]);
    lab.docker.absent.add('nowhere:1');
    await lab.startAgent();
    await lab.logged('is connected');
    const arn = (await run('nowhere')).tasks[0]?.taskArn ?? '';
    expect(await becomes(arn, 'STOPPED')).toMatchObject({
      stopCode: 'TaskFailedToStart',
      stoppedReason: 'CannotPullContainerError: manifest unknown',
    });
    define('secret', [{ ...MAIN, secrets: [{ name: 'A', valueFrom: 'arn' }] }]);
    expect(await run('secret')).toMatchObject({
      __type: 'UnsupportedOperation',
      message: expect.stringContaining('secrets'),
    });
  });

  test('goes on without its agent, and what ended meanwhile is told when the agent is back', async () => {
    define('web', [MAIN]);
    define('other', [{ ...MAIN, image: 'other:1' }]);
    const first = await lab.startAgent();
    await lab.logged('is connected');
    const [stays, ends] = [(await run('web')).tasks[0]?.taskArn ?? '', (await run('other')).tasks[0]?.taskArn ?? ''];
    await becomes(stays, 'RUNNING');
    await becomes(ends, 'RUNNING');
    first.agent.kill('SIGKILL');
    await lab.logged('is gone');
    expect((await run('web')).failures).toMatchObject([{ reason: 'AGENT' }]);
    lab.docker.exit(await containerOf('other:1'), 137);
    await lab.startAgent();
    expect(await becomes(ends, 'STOPPED')).toMatchObject({ containers: [{ exitCode: 137 }] });
    expect((await describeTask(stays)).lastStatus).toBe('RUNNING');
    expect(lab.docker.containers).toHaveLength(2);
  });

  test('that ECS does not know is stopped by the manifest', async () => {
    define('web', [MAIN]);
    const first = await lab.startAgent();
    await lab.logged('is connected');
    const arn = (await run('web')).tasks[0]?.taskArn ?? '';
    await becomes(arn, 'RUNNING');
    first.agent.kill('SIGKILL');
    await first.ended;
    await lab.shim.forgetInstance('i-1');
    expect(await describeTask(arn)).toMatchObject({
      lastStatus: 'STOPPED',
      stoppedReason: 'Host EC2 (instance i-1) terminated.',
    });
    await lab.startAgent();
    await expect.poll(() => lab.docker.ofImage(MAIN.image)?.status, { timeout: 60_000 }).toBe('exited');
  });
});

describe('a GPU', { timeout: 120_000 }, () => {
  async function startOnGpus(): Promise<void> {
    const file = JSON.stringify({ DriverVersion: '580.178.04', GPUIDs: GPUS });
    await lab.put('var/lib/ecs/gpu/nvidia-gpu-info.json', file);
    await lab.startAgent({ ECS_ENABLE_GPU_SUPPORT: 'true', ECS_NVIDIA_RUNTIME: 'nvidia' });
    await lab.logged('with 2 GPU(s)');
    await lab.logged('is connected');
  }

  test('is registered, and a container that asks for one gets that one and no other', async () => {
    define('render', [ON_THE_GPU]);
    await startOnGpus();
    expect(await instance()).toMatchObject({
      registeredResources: expect.arrayContaining([{ name: 'GPU', type: 'STRINGSET', stringSetValue: GPUS }]),
      attributes: expect.arrayContaining([{ name: 'ecs.capability.gpu-driver-version', value: '580.178.04' }]),
    });
    const { tasks } = await run('render', { count: 2 });
    const arns = tasks.map(({ taskArn }) => taskArn);
    for (const arn of arns) await becomes(arn, 'RUNNING');
    const given = lab.docker.containers.map(({ spec }) => [spec.HostConfig['Runtime'], spec['Env']]);
    expect(given).toEqual(
      GPUS.map((id) => ['nvidia', ['AWS_EXECUTION_ENV=AWS_ECS_EC2', `NVIDIA_VISIBLE_DEVICES=${id}`]]),
    );
    expect((await describeTask(arns[1] ?? '')).containers).toMatchObject([{ gpuIds: [GPUS[1]] }]);
    expect((await run('render')).failures).toMatchObject([{ reason: 'RESOURCE:GPU' }]);
    expect(await instance()).toMatchObject({
      remainingResources: expect.arrayContaining([{ name: 'GPU', type: 'STRINGSET', stringSetValue: [] }]),
    });
  });

  test('is none where the file is missing, and a broken file is no agent', async () => {
    const one = await lab.startAgent({ ECS_ENABLE_GPU_SUPPORT: 'true' });
    await lab.logged('is connected');
    expect(one.said()).toContain('there is no /var/lib/ecs/gpu/nvidia-gpu-info.json');
    define('render', [ON_THE_GPU]);
    expect((await run('render')).failures).toMatchObject([{ reason: 'RESOURCE:GPU' }]);
    one.agent.kill('SIGTERM');
    await one.ended;
    await lab.put('var/lib/ecs/gpu/nvidia-gpu-info.json', '{');
    const two = await lab.startAgent({ ECS_ENABLE_GPU_SUPPORT: 'true' });
    await expect.poll(() => two.said(), { timeout: 60_000 }).toContain('failed to start');
  });
});

describe('a service', { timeout: 120_000 }, () => {
  type ShownService = { status: string; runningCount: number; pendingCount: number; events: { message: string }[] };
  async function service(): Promise<ShownService> {
    const answer = await lab.ask('DescribeServices', { cluster: 'lab', services: ['keep'] });
    return (answer['services'] as ShownService[])[0] as ShownService;
  }
  const only = (id: string): object => ({
    placementConstraints: [{ type: 'memberOf', expression: `ec2InstanceId == ${id}` }],
  });
  const create = (more: object = {}): Promise<unknown> =>
    lab.ask('CreateService', { cluster: 'lab', serviceName: 'keep', taskDefinition: 'web', desiredCount: 1, ...more });

  test('waits for an instance that may take its task, and is there the moment one is', async () => {
    define('web', [MAIN]);
    expect(await run('web')).toMatchObject({
      __type: 'InvalidParameterException',
      message: 'No Container Instances were found in your cluster.',
    });
    await create(only('i-1'));
    await expect
      .poll(async () => (await service()).events[0]?.message)
      .toBe(
        '(service keep) was unable to place a task because no container instance met all of its requirements. ' +
          'Reason: No Container Instances were found in your cluster.',
      );
    expect(await service()).toMatchObject({ runningCount: 0, pendingCount: 0 });
    await lab.startAgent();
    await expect.poll(async () => (await service()).runningCount, { timeout: 60_000 }).toBe(1);
    const { taskArns } = (await lab.ask('ListTasks', { cluster: 'lab', serviceName: 'keep' })) as {
      taskArns: string[];
    };
    expect(taskArns).toHaveLength(1);
    expect(await lab.ask('DeleteCluster', { cluster: 'lab' })).toMatchObject({
      __type: 'ClusterContainsServicesException',
    });
    await lab.ask('DeleteService', { cluster: 'lab', service: 'keep', force: true });
    expect(await becomes(taskArns[0] ?? '', 'STOPPED')).toMatchObject({ stopCode: 'ServiceSchedulerInitiated' });
    expect(await service()).toMatchObject({ status: 'INACTIVE' });
  });

  test('keeps away from other instances, and starts another task for one that ended', async () => {
    define('web', [MAIN]);
    await create(only('i-2'));
    await lab.startAgent();
    await lab.logged('MemberOf placement constraint unsatisfied');
    await lab.ask('UpdateService', { cluster: 'lab', service: 'keep', ...only('i-1') });
    lab.docker.exit(await containerOf(), 0);
    await expect.poll(() => lab.docker.containers.length, { timeout: 60_000 }).toBe(2);
  });

  test('that may, leaves an instance that drains; a task of nobody stays there', async () => {
    define('web', [MAIN]);
    await lab.startAgent();
    await lab.logged('is connected');
    await create({ deploymentConfiguration: { minimumHealthyPercent: 0, maximumPercent: 100 } });
    await expect.poll(async () => (await service()).runningCount, { timeout: 60_000 }).toBe(1);
    const alone = (await run('web')).tasks[0]?.taskArn ?? '';
    await becomes(alone, 'RUNNING');
    const drain = { cluster: 'lab', containerInstances: [ARN], status: 'DRAINING' };
    expect(await lab.ask('UpdateContainerInstancesState', drain)).toMatchObject({
      containerInstances: [{ status: 'DRAINING' }],
    });
    await expect.poll(async () => (await service()).runningCount, { timeout: 60_000 }).toBe(0);
    expect((await describeTask(alone)).lastStatus).toBe('RUNNING');
    expect(
      (await lab.ask('StartTask', { cluster: 'lab', taskDefinition: 'web', containerInstances: [ARN] }))['failures'],
    ).toMatchObject([{ reason: 'INACTIVE' }]);
    await lab.ask('UpdateContainerInstancesState', { ...drain, status: 'ACTIVE' });
    await expect.poll(async () => (await service()).runningCount, { timeout: 60_000 }).toBe(1);
  });

  test('whose tasks never come to run asks ever more rarely', async () => {
    define('web', [MAIN]);
    lab.docker.refusal = 'Unknown runtime specified nvidia';
    await lab.startAgent();
    await lab.logged('is connected');
    await create();
    await lab.logged('is unable to consistently start tasks successfully');
    expect(lab.docker.asked.filter((path) => path === 'POST /containers/create').length).toBeLessThan(3);
  });
});
