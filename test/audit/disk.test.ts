import { describe, expect, test } from 'vitest';
import { attachedVolume, imageDisks, writtenParts } from '../../src/audit/disk.ts';
import { fakeClients } from '../run/fake-clients.ts';

const FAILED = expect.objectContaining({ code: 'AUDIT_FAILED', kind: 'outside' });
const MIB = 1024 * 1024;

describe('the disks of an image', () => {
  const disksOf = (image: unknown) => {
    const { clients } = fakeClients({ DescribeImages: () => ({ Images: [image] }) });
    return imageDisks(clients, 'ami-1');
  };

  test('are its root volume, and others by their names', async () => {
    const BlockDeviceMappings = [
      { DeviceName: '/dev/sdb', VirtualName: 'ephemeral0' },
      { DeviceName: '/dev/sdc', Ebs: { SnapshotId: 'snap-2' } },
      { DeviceName: '/dev/xvda', Ebs: { SnapshotId: 'snap-1' } },
      { DeviceName: '/dev/sdd', Ebs: { VolumeSize: 1 } },
    ];
    const found = await disksOf({ RootDeviceName: '/dev/xvda', BlockDeviceMappings });
    expect(found).toEqual({ rootSnapshot: 'snap-1', others: ['/dev/sdc', '/dev/sdd'] });
  });

  test('cannot be read without a snapshot of the root volume', async () => {
    await expect(disksOf({ RootDeviceName: '/dev/xvda' })).rejects.toEqual(FAILED);
    await expect(disksOf(undefined)).rejects.toEqual(FAILED);
  });
});

test('the volume is the one at the auditor’s device', async () => {
  const { clients, calls } = fakeClients({ DescribeVolumes: () => ({ Volumes: [{ VolumeId: 'vol-1' }] }) });
  expect(await attachedVolume(clients, 'i-1')).toBe('vol-1');
  expect(calls[0]?.input['Filters']).toEqual([
    { Name: 'attachment.instance-id', Values: ['i-1'] },
    { Name: 'attachment.device', Values: ['/dev/sdf'] },
  ]);
  const without = fakeClients({ DescribeVolumes: () => ({ Volumes: [] }) });
  await expect(attachedVolume(without.clients, 'i-1')).rejects.toEqual(FAILED);
});

describe('the written parts of a snapshot', () => {
  const parts = (blocks: readonly number[]) => writtenParts({ writtenBlocks: async () => blocks }, 'snap-1');

  test('are blocks put together', async () => {
    expect(await parts([])).toEqual([]);
    expect(await parts([0, 1, 4])).toEqual([
      [0, MIB],
      [2 * MIB, 2.5 * MIB],
    ]);
  });

  test('are not known to whom may not ask', async () => {
    const refused = async (): Promise<never> => {
      throw new Error('no');
    };
    expect(await writtenParts({ writtenBlocks: refused }, 'snap-1')).toBeNull();
  });
});
