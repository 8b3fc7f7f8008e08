import { describe, expect, test } from 'vitest';
import { isMember } from '../../../lab/ecs/placement.ts';
import { nextSteps, type Service } from '../../../lab/ecs/services.ts';
import type { Task } from '../../../lab/ecs/tasks.ts';
import { parseDuration } from '../../../lab/ecs-agent/durations.ts';
import { removable } from '../../../lab/ecs-agent/images.ts';
import { introspect } from '../../../lab/ecs-agent/introspection.ts';
import { newTask } from '../../../lab/ecs-agent/known-task.ts';
import { untaught } from '../../../lab/ecs-agent/payload.ts';
import { readSettings } from '../../../lab/ecs-agent/settings.ts';
import { agentDefaults } from '../../../provisioners/lib/agent-config.ts';

describe('the query language of placement constraints', () => {
  const instance = { instanceId: 'i-1', attributes: [{ name: 'zone', value: 'lab' }, { name: 'flag' }] };

  test.each([
    ['ec2InstanceId == i-1', true],
    ["ec2InstanceId in ['i-2', 'i-1']", true],
    ['ec2InstanceId != i-1', false],
    ['attribute:zone == lab and ec2InstanceId == i-1', true],
    ['attribute:zone == other', false],
    ['attribute:flag exists', true],
    ['attribute:none exists', false],
  ])('%s', (expression, expected) => expect(isMember(expression, instance)).toBe(expected));

  test.each(['runningTasksCount > 1', 'attribute:zone =~ l.*'])('%s is refused', (expression) =>
    expect(() => isMember(expression, instance)).toThrow('does not do the expression'),
  );
});

describe('what a service does next', () => {
  const task = (lastStatus: Task['lastStatus']): Task => ({ lastStatus }) as unknown as Task;
  const of = (desiredCount: number, minimumHealthyPercent = 100, maximumPercent = 200): Service =>
    ({ desiredCount, minimumHealthyPercent, maximumPercent }) as unknown as Service;
  const [running, waiting] = [task('RUNNING'), task('PENDING')];

  test.each([
    ['starts what is missing', of(2), [running], [], 1, 0],
    ['replaces before it stops', of(1), [], [running], 1, 0],
    ['stops what was replaced', of(1), [running], [running], 0, 1],
    ['stops first where it may not have more', of(1, 0, 100), [], [running], 0, 1],
    ['stops one that waits on an instance that drains', of(1), [], [waiting], 1, 1],
    ['stops what is too much', of(0), [running, waiting], [], 0, 2],
  ])('%s', (_, service, staying, leaving, starts, stops) => {
    const next = nextSteps(service, staying.length + leaving.length, { staying, leaving });
    expect([next.starts, next.stops.length]).toEqual([starts, stops]);
  });
});

test.each([
  ['1h30m', 5_400_000],
  ['1.5s', 1500],
  ['250ms', 250],
  ['10', null],
  ['', null],
  ['3d', null],
])('%j, as Go writes durations', (text, expected) => expect(parseDuration(text)).toBe(expected));

test('the settings of an image are those that the agent goes by', () => {
  const warnings: string[] = [];
  const settings = readSettings(agentDefaults({ nvidia: null }), (text) => warnings.push(text));
  expect(warnings).toEqual([]);
  expect(settings).toMatchObject({
    hasGpuSupport: false,
    stopTimeoutS: 30,
    cleanupWaitMs: 30 * 60_000,
    images: { pullBehavior: 'default', isKept: false, intervalMs: 600_000, minimumAgeMs: 1_800_000, perCycle: 20 },
  });
  expect(readSettings({ ECS_IMAGE_PULL_BEHAVIOR: 'prefer-cached' }, () => undefined).images.isKept).toBe(true);
  readSettings({ ECS_IMAGE_CLEANUP_INTERVAL: '1m' }, (text) => warnings.push(text));
  expect(warnings).toEqual(['Invalid value for ECS_IMAGE_CLEANUP_INTERVAL, using 30m']);
});

test('a clean-up takes images that are old enough and of no task, the least recently used first', () => {
  const image = (name: string, pulledAt: number, usedAt: number) => ({ name, pulledAt, usedAt });
  const images = [image('new', 90, 90), image('used', 1, 1), image('a', 1, 50), image('b', 1, 40), image('c', 1, 60)];
  const settings = { pullBehavior: 'default', isKept: false, intervalMs: 1, minimumAgeMs: 50, perCycle: 2 } as const;
  expect(removable(images, new Set(['used']), settings, 100).map(({ name }) => name)).toEqual(['b', 'a']);
});

const PAYLOAD = {
  arn: 'arn:aws:ecs:us-west-2:1:task/lab/1',
  family: 'web',
  version: '1',
  desiredStatus: 'RUNNING',
  containers: [{ name: 'main', image: 'busybox:1' }],
} as const;

test.each([
  [{}, null],
  [{ elasticNetworkInterfaces: [{}] }, 'elasticNetworkInterfaces of a task'],
  [{ networkMode: 'awsvpc' }, 'networkMode awsvpc'],
  [{ volumes: [{ name: 'v', type: 'efs' }] }, 'volume v, which names no path of the host'],
  [{ containers: [{ name: 'main', image: 'x', secrets: [{}] }] }, 'secrets of container main'],
])('what the stand-in was not taught is named: %j', (more, expected) =>
  expect(untaught({ ...PAYLOAD, ...more } as typeof PAYLOAD)).toBe(expected),
);

test('the agent tells tools on the host of its tasks', () => {
  const identity = { cluster: 'lab', containerInstanceArn: 'arn:1', clientToken: '' };
  const task = newTask(PAYLOAD);
  for (const container of task.containers) container.dockerId = 'c0ffee';
  const shown = { Arn: PAYLOAD.arn, KnownStatus: 'PENDING', Containers: [{ DockerId: 'c0ffee', Name: 'main' }] };
  expect(introspect('/v1/metadata', identity, [])).toMatchObject({ Cluster: 'lab', ContainerInstanceArn: 'arn:1' });
  expect(introspect('/v1/tasks', identity, [task])).toMatchObject({ Tasks: [shown] });
  expect(introspect('/v1/tasks?dockerid=c0ff', identity, [task])).toMatchObject(shown);
  expect(introspect(`/v1/tasks?taskarn=${PAYLOAD.arn}`, identity, [task])).toMatchObject(shown);
  expect(introspect('/v1/tasks?dockerid=beef', identity, [task])).toBeNull();
  expect(introspect('/license', identity, [task])).toBeNull();
});
