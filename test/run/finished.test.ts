import { expect, test, vi } from 'vitest';
import { claimRun, markFinished } from '../../src/run/owner.ts';
import { emptyInventory } from '../../src/run/sweep/inventory.ts';
import { selectLeftovers } from '../../src/run/sweep/select.ts';
import { sweepDead, sweepRun } from '../../src/run/sweep/sweep.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { fakeClients } from './fake-clients.ts';

const runId = 'r-20261123120000-abcdef';
const Tags = [{ Key: 'ecs-host:run-id', Value: runId }];
const reporter = { emit: () => {}, close: async () => {} };

/** A region in which the verdict's tag of a finished image is not visible yet. */
function region() {
  const nothing = () => ({});
  return fakeClients({
    ...Object.fromEntries(
      ['Instances', 'SecurityGroups', 'Volumes', 'KeyPairs'].map((of) => [`Describe${of}`, nothing]),
    ),
    ListClusters: nothing,
    ListTaskDefinitionFamilies: nothing,
    DescribeImages: () => ({
      Images: [
        { ImageId: 'ami-1', State: 'available', Tags, BlockDeviceMappings: [{ Ebs: { SnapshotId: 'snap-1' } }] },
      ],
    }),
    DescribeSnapshots: () => ({
      Snapshots: [
        { SnapshotId: 'snap-1', Tags },
        { SnapshotId: 'snap-2', Tags },
      ],
    }),
    DeregisterImage: nothing,
    DeleteSnapshot: nothing,
  });
}

test('the image that a run has just made is no leftover of it, whatever the API shows', async () => {
  vi.stubEnv('ECS_HOST_STATE', tempFolder());
  await claimRun(runId);
  await markFinished(runId, ['ami-1', 'snap-1']);
  const { clients } = region();
  const ofTheRun = await sweepRun(clients, runId, { reporter });
  expect(ofTheRun.leftovers.map(({ id }) => id)).toEqual(['snap-2']);
  vi.unstubAllEnvs();
});

test('nor of a run that ended since', async () => {
  vi.stubEnv('ECS_HOST_STATE', tempFolder());
  await claimRun(runId);
  const { clients } = region();
  const unfinished = await sweepRun(clients, runId, { reporter, dryRun: true });
  expect(unfinished.leftovers.map(({ id }) => id)).toEqual(['ami-1', 'snap-1', 'snap-2']);
  await markFinished(runId, ['ami-1', 'snap-1']);
  const later = await sweepDead(clients, { reporter, dryRun: true });
  expect(later.leftovers.map(({ id }) => id)).not.toContain('ami-1');
  vi.unstubAllEnvs();
});

test('its snapshot is kept also where the image itself is not listed yet', () => {
  const tags = { 'ecs-host:run-id': runId };
  const inventory = { ...emptyInventory, snapshots: [{ id: 'snap-1', tags }] };
  expect(selectLeftovers(inventory, () => 'dead', new Set(['ami-1', 'snap-1']))).toEqual([]);
});
