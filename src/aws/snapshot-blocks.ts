import { type EBSClient, paginateListSnapshotBlocks } from '@aws-sdk/client-ebs';

export type BlockRef = { readonly index: number; readonly token: string };

/** What EBS reads and writes snapshots by. */
export const BLOCK_BYTES = 512 * 1024;

/** The blocks of a snapshot that were ever written, in order, and the size of its volume. */
export async function listSnapshotBlocks(
  ebs: EBSClient,
  SnapshotId: string,
): Promise<{ readonly blocks: readonly BlockRef[]; readonly sizeGiB: number }> {
  const blocks: BlockRef[] = [];
  let sizeGiB = 0;
  for await (const page of paginateListSnapshotBlocks({ client: ebs }, { SnapshotId })) {
    sizeGiB = page.VolumeSize ?? sizeGiB;
    for (const { BlockIndex, BlockToken } of page.Blocks ?? [])
      if (BlockIndex !== undefined && BlockToken !== undefined) blocks.push({ index: BlockIndex, token: BlockToken });
  }
  return { blocks, sizeGiB };
}
