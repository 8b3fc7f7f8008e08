import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { keyFolder } from '../../src/io/paths.ts';
import { sweepRun } from '../../src/run/sweep/sweep.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { fakeClients } from './fake-clients.ts';

const runId = 'r-20261123120000-abcdef';

test('the private half of a key pair goes with it', async () => {
  vi.stubEnv('ECS_HOST_STATE', tempFolder());
  await mkdir(keyFolder(runId), { recursive: true });
  await writeFile(join(keyFolder(runId), 'id_ed25519'), 'a key');
  const nothing = () => ({});
  const { clients } = fakeClients({
    ...Object.fromEntries(
      ['Instances', 'SecurityGroups', 'Volumes', 'Images', 'Snapshots'].map((each) => [`Describe${each}`, nothing]),
    ),
    DescribeKeyPairs: () => ({
      KeyPairs: [{ KeyName: 'ecs-host-smoke', Tags: [{ Key: 'ecs-host:run-id', Value: runId }] }],
    }),
    DeleteKeyPair: nothing,
    ListClusters: nothing,
    ListTaskDefinitionFamilies: nothing,
  });
  const { removals } = await sweepRun(clients, runId, { reporter: { emit: () => {}, close: async () => {} } });
  vi.unstubAllEnvs();
  expect(removals).toMatchObject([{ kind: 'key pair', outcome: 'removed' }]);
  expect(existsSync(keyFolder(runId))).toBe(false);
});

test('a task definition is left of a run as long as tasks can be started from it', async () => {
  const tags = [{ key: 'ecs-host:run-id', value: runId }];
  const nothing = () => ({});
  const { clients, calls } = fakeClients({
    ...Object.fromEntries(
      ['Instances', 'SecurityGroups', 'KeyPairs', 'Volumes', 'Images', 'Snapshots'].map((each) => [
        `Describe${each}`,
        nothing,
      ]),
    ),
    ListClusters: nothing,
    ListTaskDefinitionFamilies: () => ({ families: ['live', 'inactive', 'foreign'] }),
    DescribeTaskDefinition: ({ taskDefinition }) => ({
      taskDefinition: {
        taskDefinitionArn: `arn:${taskDefinition}`,
        status: taskDefinition === 'inactive' ? 'INACTIVE' : 'ACTIVE',
      },
      tags: taskDefinition === 'foreign' ? [] : tags,
    }),
    DeregisterTaskDefinition: nothing,
    DeleteTaskDefinitions: nothing,
  });
  const { removals } = await sweepRun(clients, runId, { reporter: { emit: () => {}, close: async () => {} } });
  expect(removals).toMatchObject([{ kind: 'task definition', id: 'arn:live', outcome: 'removed' }]);
  expect(calls.find(({ command }) => command === 'ListTaskDefinitionFamilies')?.input).toMatchObject({
    familyPrefix: `ecs-host-smoke-${runId}`,
  });
});
