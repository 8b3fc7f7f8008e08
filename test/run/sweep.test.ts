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
