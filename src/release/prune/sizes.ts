import { type EC2Client, paginateDescribeSnapshots } from '@aws-sdk/client-ec2';

/**
 * US dollars for a GB of an EBS snapshot in the standard tier, a month: aws.amazon.com/ebs/pricing for us-east-1,
 * us-east-2 and us-west-2, as of 2026-11. Other regions cost up to half as much again.
 */
const USD_A_GB_MONTH = 0.05;
const GIB = 1024 ** 3;

/** What a snapshot holds at most. */
export type SnapshotSize = {
  readonly snapshotId: string;
  /** Of the volume. */
  readonly volumeGiB: number;
  /** Of all its blocks, where EC2 says it. */
  readonly fullBytes: number | null;
};

export type Size = {
  readonly gib: number;
  /** At most: a block that several snapshots share is paid once, and stays as long as one of them. */
  readonly usdAMonth: number;
};

/** Pure. */
export function sizeOf(snapshots: readonly SnapshotSize[]): Size {
  const gib = snapshots.reduce(
    (sum, { volumeGiB, fullBytes }) => sum + (fullBytes === null ? volumeGiB : fullBytes / GIB),
    0,
  );
  return { gib, usdAMonth: gib * USD_A_GB_MONTH };
}

/** What a filter takes. */
const IDS_A_CALL = 200;

/** The sizes of snapshots; what is gone is left out. */
export async function readSizes(ec2: EC2Client, ids: readonly string[]): Promise<SnapshotSize[]> {
  const sizes: SnapshotSize[] = [];
  for (let at = 0; at < ids.length; at += IDS_A_CALL) {
    const Filters = [{ Name: 'snapshot-id', Values: ids.slice(at, at + IDS_A_CALL) }];
    for await (const { Snapshots = [] } of paginateDescribeSnapshots({ client: ec2 }, { OwnerIds: ['self'], Filters }))
      for (const { SnapshotId = '', VolumeSize = 0, FullSnapshotSizeInBytes } of Snapshots)
        sizes.push({ snapshotId: SnapshotId, volumeGiB: VolumeSize, fullBytes: FullSnapshotSizeInBytes ?? null });
  }
  return sizes;
}
