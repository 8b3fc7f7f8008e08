import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseFrame } from '../../../lab/ecs/wire.ts';
import { ARN, EcsLab } from './ecs-lab.ts';

let lab: EcsLab;

beforeEach(async () => {
  lab = await EcsLab.up();
});
afterEach(() => lab.down());

test('the agent registers, connects, ends promptly, and is the same container instance after a restart', {
  timeout: 120_000,
}, async () => {
  const first = await lab.startAgent();
  await lab.logged('is connected');
  expect(await lab.ask('DescribeContainerInstances', { cluster: 'lab', containerInstances: [ARN] })).toMatchObject({
    containerInstances: [
      {
        agentConnected: true,
        attributes: expect.arrayContaining([
          { name: 'zone', value: 'lab' },
          { name: 'note', value: "a = 'b' # c" },
        ]),
        versionInfo: { agentVersion: expect.stringContaining('lab') },
      },
    ],
  });
  expect(await lab.ask('DeleteCluster', { cluster: 'lab' })).toMatchObject({
    __type: 'ClusterContainsContainerInstancesException',
  });
  const before = performance.now();
  first.agent.kill('SIGTERM');
  expect(await first.ended).toBe(0);
  expect(performance.now() - before).toBeLessThan(3000);
  await lab.logged('is gone');
  expect(await lab.ask('DescribeContainerInstances', { cluster: 'lab', containerInstances: [ARN] })).toMatchObject({
    containerInstances: [{ agentConnected: false }],
  });
  await lab.startAgent();
  await lab.logged('registered again');
  await lab.logged('is connected', 2);
  expect(lab.moto.calls.filter((action) => action === 'RegisterContainerInstance')).toHaveLength(1);
});

test('what is final ends with 5, a Docker that is away with 255, and all else is tried again inside', {
  timeout: 120_000,
}, async () => {
  lab.dropped = 'zone';
  expect(await (await lab.startAgent()).ended).toBe(5);
  lab.dropped = null;
  const good = await lab.startAgent();
  await lab.logged('is connected');
  good.agent.kill('SIGTERM');
  await good.ended;
  expect(await (await lab.startAgent({ ECS_CLUSTER: 'other' })).ended).toBe(5);
  lab.moto.calls.length = 0;
  expect(await (await lab.startAgent({}, 'none.sock')).ended).toBe(255);
  expect(lab.moto.calls).toEqual([]);
  const odd = await lab.startAgent({ ECS_INSTANCE_ATTRIBUTES: '"{\\"stack\\":\\"prod\\"}"' });
  await expect
    .poll(() => odd.said().match(/retrying in .*ECS_INSTANCE_ATTRIBUTES/g)?.length, { timeout: 60_000 })
    .toBe(2);
  expect(odd.agent.exitCode).toBeNull();
});

test('an instance that is gone is no container instance any more', { timeout: 120_000 }, async () => {
  await lab.startAgent();
  await lab.logged('is connected');
  await lab.shim.forgetInstance('i-1');
  expect(lab.moto.calls).toContain('DeregisterContainerInstance');
});

test('families are those of which tasks can be started', async () => {
  expect(await lab.ask('ListTaskDefinitionFamilies', { familyPrefix: 'we' })).toEqual({ families: ['web'] });
});

test('telemetry frames carry signed header lines before their JSON', () => {
  expect(parseFrame('Authorization: x\r\nHost: y\r\n\r\n{"type":"A","message":{}}')).toEqual({
    type: 'A',
    message: {},
  });
  expect(parseFrame('{"type":"B","message":{"a":1}}')).toEqual({ type: 'B', message: { a: 1 } });
});
