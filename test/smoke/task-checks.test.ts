import { describe, expect, test } from 'vitest';
import type { BuildPlan } from '../../src/plan/build-plan.ts';
import { Releases } from '../../src/run/releases.ts';
import { timeLimits } from '../../src/run/time-limits.ts';
import { CheckBook } from '../../src/smoke/checks/check-book.ts';
import { CHECKS } from '../../src/smoke/checks/check-definitions.ts';
import { awaitTask, checkTask, checkWaits } from '../../src/smoke/checks/task-checks.ts';
import { fakeClients, type Taught } from '../run/fake-clients.ts';
import { fakeSsh } from './fake-ssh.ts';

const GPU = 'GPU-00000000-0000-0000-0000-000000000001';
const RECORD = { stdout: '{"n":1,"id":"c0ffee"}\n' };
const { signal } = new AbortController();
const options = { limits: { ...timeLimits('http://lab'), registerMs: 0, taskMs: 0 }, signal };
const registration = { arn: 'arn:1', status: 'ACTIVE', isAgentConnected: true, gpus: [GPU] };

function newBook(): CheckBook {
  return new CheckBook({ definitions: CHECKS, selected: new Set(['gate', 'cluster']), signal, onCheck: () => {} });
}
function find(book: CheckBook, id: string) {
  return book.finish().find((check) => check.id === id);
}

function awaited(taught: Taught) {
  const { clients, calls } = fakeClients(taught);
  return { task: { clients, cluster: 'c', service: 's', end: async () => undefined }, calls };
}

function events(message: string): Taught {
  return { DescribeServices: () => ({ services: [{ events: [{ message }] }] }) };
}

test('what a run asks ECS for is tagged, bound to one instance, and released once', async () => {
  const nothing = () => ({});
  const { clients, calls } = fakeClients({
    RegisterTaskDefinition: () => ({ taskDefinition: { taskDefinitionArn: 'arn:definition' } }),
    CreateService: nothing,
    DeleteService: nothing,
    DeregisterTaskDefinition: nothing,
    DeleteTaskDefinitions: nothing,
  });
  const plan = { gpu: true, developerWorkload: { baseImageRegistry: 'registry.example/x' } } as unknown as BuildPlan;
  const releases = new Releases({ emit: () => {}, close: async () => {} });
  const launch = { plan, imageId: 'ami-1', runId: 'r-1', clients, signal };
  const task = await awaitTask(launch, { cluster: 'c', instanceId: 'i-1' }, releases);
  await task.end();
  await releases.all();
  expect(calls.map(({ command }) => command)).toEqual([
    'RegisterTaskDefinition',
    'CreateService',
    'DeleteService',
    'DeregisterTaskDefinition',
    'DeleteTaskDefinitions',
  ]);
  const tags = expect.arrayContaining([{ key: 'ecs-host:run-id', value: 'r-1' }]);
  expect(calls[0]?.input).toMatchObject({
    family: 'ecs-host-smoke-r-1',
    tags,
    containerDefinitions: [
      { image: 'registry.example/x/debian:bookworm', resourceRequirements: [{ type: 'GPU', value: '1' }] },
    ],
  });
  expect(calls[1]?.input).toMatchObject({
    desiredCount: 1,
    placementConstraints: [{ type: 'memberOf', expression: 'ec2InstanceId == i-1' }],
    tags,
  });
});

describe('while a host is denied', () => {
  test.each([
    ['(service s) was unable to place a task because no container instance met all', [], 'correct'],
    ['(service s) has started 1 tasks', ['arn:task'], 'incorrect'],
    // That nothing was tried is no proof.
    ['', [], 'incorrect'],
  ])('ECS says %j, and there are the tasks %j', async (message, taskArns, verdict) => {
    const { task } = awaited({
      ...events(message),
      ListTasks: () => ({ taskArns }),
      DescribeTasks: () => ({ tasks: [{ lastStatus: 'PENDING' }] }),
    });
    const book = newBook();
    await checkWaits(task, book, options);
    expect(find(book, 'tasks.denied-waits')).toMatchObject({ verdict });
  });
});

describe('once it is granted', () => {
  function looks(...states: readonly object[]): Taught {
    const left = [...states];
    return {
      ...events('nothing'),
      ListTasks: () => ({ taskArns: ['arn:task'] }),
      DescribeTasks: () => ({ tasks: [{ taskArn: 'arn:task', containerInstanceArn: 'arn:1', ...left.shift() }] }),
    };
  }
  const running = { lastStatus: 'RUNNING', containers: [{ runtimeId: 'c0ffee', gpuIds: [GPU] }] };
  const stopped = { lastStatus: 'STOPPED', containers: [{ exitCode: 42 }] };

  test('the task runs there, is on the record, and ends with its exit code', async () => {
    const book = newBook();
    const { task } = awaited(looks(running, stopped));
    await checkTask(fakeSsh([[/record/, RECORD]]), task, { registration, hasGpu: false, book }, options);
    for (const id of ['started', 'on-record', 'ended'])
      expect(find(book, `tasks.${id}`), id).toMatchObject({ verdict: 'correct' });
  });

  test('a task that the host did not see, or that was killed, is found', async () => {
    const book = newBook();
    const other = { ...running, containers: [{ runtimeId: 'beef' }] };
    const { task } = awaited(looks(other, { lastStatus: 'STOPPED', containers: [{ exitCode: 137 }] }));
    await checkTask(fakeSsh([[/record/, RECORD]]), task, { registration, hasGpu: false, book }, options);
    expect(find(book, 'tasks.on-record')).toMatchObject({ verdict: 'incorrect', actual: 'beef is not' });
    expect(find(book, 'tasks.ended')).toMatchObject({ verdict: 'incorrect', actual: 'exit code 137' });
  }, 20_000);

  test('one that could not be started says why', async () => {
    const book = newBook();
    const reason = 'CannotPullContainerError: manifest unknown';
    const { task } = awaited(looks({ lastStatus: 'STOPPED', stoppedReason: reason }));
    const check = checkTask(fakeSsh([]), task, { registration, hasGpu: false, book }, options);
    await expect(check).rejects.toThrow(reason);
    expect(find(book, 'tasks.started')).toMatchObject({ verdict: 'incorrect', reason });
  });

  test.each([
    [`GPU 0: Tesla M60 (UUID: ${GPU})\nlooked for GPUs\n`, 'correct'],
    [`GPU 0: Tesla M60 (UUID: ${GPU})\nGPU 1: Tesla M60 (UUID: GPU-2)\nlooked for GPUs\n`, 'incorrect'],
    ['GPU 0: Tesla M60 (UUID: GPU-2)\nlooked for GPUs\n', 'incorrect'],
    ['Failed to initialize NVML\nlooked for GPUs\n', 'incorrect'],
  ])('its container sees exactly the GPU that it was given: %j', async (stdout, verdict) => {
    const book = newBook();
    const { task } = awaited(looks(running, stopped));
    const ssh = fakeSsh([
      [/record/, RECORD],
      [/^docker logs c0ffee/, { stdout }],
    ]);
    await checkTask(ssh, task, { registration, hasGpu: true, book }, options);
    expect(find(book, 'tasks.gpu')).toMatchObject({ verdict });
  });
});
