import { createHash } from 'node:crypto';
import {
  EBSClient,
  GetSnapshotBlockCommand,
  ListChangedBlocksCommand,
  ListSnapshotBlocksCommand,
} from '@aws-sdk/client-ebs';
import { CopySnapshotCommand, DescribeSnapshotsCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sharedTempFolder } from '../../support/temp-folder.ts';
import { motoIsInstalled, startEndpoint } from './endpoint-with-moto.ts';
import { copyImage, snapshotOf } from './own-image.ts';

const BLOCK = 512 * 1024;

describe.skipIf(!motoIsInstalled)('blocks of snapshots', () => {
  let lab: Awaited<ReturnType<typeof startEndpoint>>;
  const folder = sharedTempFolder();
  let ec2: EC2Client;
  let ebs: EBSClient;
  let id: string;
  beforeAll(async () => {
    lab = await startEndpoint(folder);
    ec2 = lab.ec2();
    const credentials = { accessKeyId: 'lab', secretAccessKey: 'lab' };
    ebs = new EBSClient({ region: 'us-west-2', endpoint: lab.url, credentials, maxAttempts: 1 });
    const filled = new Map(
      [0, 3, ...Array.from({ length: 110 }, (_, at) => 100 + 2 * at)].map((index) => [
        index,
        Buffer.alloc(BLOCK, `${index}.`),
      ]),
    );
    lab.fakes.blocks.set('snap-base', filled);
    id = snapshotOf(await copyImage(ec2, lab.baseImages['us-west-2'] ?? '', { Name: 'with blocks' }));
  });
  afterAll(async () => {
    ebs?.destroy();
    await lab?.stop();
  });

  const copyOf = async (SourceSnapshotId: string): Promise<string> => {
    const { SnapshotId = '' } = await ec2.send(
      new CopySnapshotCommand({ SourceSnapshotId, SourceRegion: 'us-west-2' }),
    );
    const state = async () =>
      (await ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: [SnapshotId] }))).Snapshots?.[0]?.State;
    await expect.poll(state).toBe('completed');
    return SnapshotId;
  };
  const digests = async (SnapshotId: string): Promise<Record<number, string>> => {
    const found: Record<number, string> = {};
    let NextToken: string | undefined;
    do {
      const page = await ebs.send(new ListSnapshotBlocksCommand({ SnapshotId, MaxResults: 100, NextToken }));
      expect([page.BlockSize, page.VolumeSize]).toEqual([BLOCK, 8]);
      expect(page.ExpiryTime?.getTime()).toBeGreaterThan(Date.now());
      for (const { BlockIndex = 0, BlockToken } of page.Blocks ?? []) {
        const block = await ebs.send(new GetSnapshotBlockCommand({ SnapshotId, BlockIndex, BlockToken }));
        const bytes = Buffer.from((await block.BlockData?.transformToByteArray()) ?? []);
        expect([bytes.length, block.DataLength]).toEqual([BLOCK, BLOCK]);
        expect([block.ChecksumAlgorithm, block.Checksum]).toEqual([
          'SHA256',
          createHash('sha256').update(bytes).digest('base64'),
        ]);
        found[BlockIndex] = block.Checksum ?? '';
      }
      NextToken = page.NextToken;
    } while (NextToken !== undefined);
    return found;
  };

  test('are listed in pages and read, and those of a copy are the same', async () => {
    const first = await digests(id);
    expect(Object.keys(first)).toHaveLength(112);
    expect(await digests(await copyOf(id))).toEqual(first);
    expect(lab.calls.recent().at(-1)).toMatchObject({ service: 'ebs', action: 'GetSnapshotBlock' });
  });

  test('that differ are listed; of two copies there are none', async () => {
    const other = await copyOf(id);
    const compared = { FirstSnapshotId: id, SecondSnapshotId: other };
    expect((await ebs.send(new ListChangedBlocksCommand(compared))).ChangedBlocks).toEqual([]);
    lab.fakes.blocks.get(other)?.set(3, Buffer.alloc(BLOCK, 'changed'));
    lab.fakes.blocks.get(other)?.delete(0);
    const { ChangedBlocks } = await ebs.send(new ListChangedBlocksCommand(compared));
    expect(ChangedBlocks?.map(({ BlockIndex }) => BlockIndex)).toEqual([0, 3]);
    const whole = await ebs.send(new ListChangedBlocksCommand({ SecondSnapshotId: other }));
    expect(whole.ChangedBlocks).toHaveLength(111);
  });

  test('a list may begin later', async () => {
    const { Blocks } = await ebs.send(new ListSnapshotBlocksCommand({ SnapshotId: id, StartingBlockIndex: 312 }));
    expect(Blocks?.map(({ BlockIndex }) => BlockIndex)).toEqual([312, 314, 316, 318]);
  });

  test('of a snapshot that is not there, or not whole, or by another token, are refused', async () => {
    const list = (SnapshotId: string, more = {}) => ebs.send(new ListSnapshotBlocksCommand({ SnapshotId, ...more }));
    await expect(list('snap-0123456789abcdef0')).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      Reason: 'SNAPSHOT_NOT_FOUND',
    });
    const release = lab.fakes.hold('copy');
    const { SnapshotId = '' } = await ec2.send(
      new CopySnapshotCommand({ SourceSnapshotId: id, SourceRegion: 'us-west-2' }),
    );
    await expect(list(SnapshotId)).rejects.toMatchObject({
      name: 'ValidationException',
      Reason: 'INVALID_SNAPSHOT_ID',
    });
    release();
    await expect(list(id, { MaxResults: 5 })).rejects.toMatchObject({ name: 'ValidationException' });
    await expect(list(id, { NextToken: 'AAAA' })).rejects.toMatchObject({ Reason: 'INVALID_PAGE_TOKEN' });
    const wrong = { SnapshotId: id, BlockIndex: 3, BlockToken: 'AAAA' };
    await expect(ebs.send(new GetSnapshotBlockCommand(wrong))).rejects.toMatchObject({ Reason: 'INVALID_BLOCK_TOKEN' });
  });
});
