import { createHash } from 'node:crypto';
import { type EBSClient, GetSnapshotBlockCommand } from '@aws-sdk/client-ebs';
import { BLOCK_BYTES, type BlockRef, listSnapshotBlocks } from '../aws/snapshot-blocks.ts';
import { allEnded } from '../io/all-ended.ts';

/** How many blocks are read at once: EBS allows a thousand a second. */
const AT_ONCE = 32;
const ZEROS = Buffer.alloc(BLOCK_BYTES);

/** @returns sha256 of a block, or null when it holds nothing but zeros, which a copy may leave out */
async function hashBlock(ebs: EBSClient, SnapshotId: string, { index, token }: BlockRef): Promise<string | null> {
  const { BlockData } = await ebs.send(
    new GetSnapshotBlockCommand({ SnapshotId, BlockIndex: index, BlockToken: token }),
  );
  const data = (await BlockData?.transformToByteArray()) ?? new Uint8Array();
  const isZero = data.length <= ZEROS.length && ZEROS.subarray(0, data.length).equals(data);
  return isZero ? null : createHash('sha256').update(data).digest('hex');
}

/**
 * A digest of what is on a volume that a snapshot makes: its size and each block that is not all zeros, whatever key
 * it is encrypted with.
 *
 * @param onBlocks told how many blocks are read, of how many
 * @returns sha256, hexadecimal
 */
export async function snapshotDigest(
  ebs: EBSClient,
  snapshotId: string,
  { signal, onBlocks }: { readonly signal: AbortSignal; readonly onBlocks: (read: number, of: number) => void },
): Promise<string> {
  const { blocks, sizeGiB } = await listSnapshotBlocks(ebs, snapshotId);
  const hashes: (string | null)[] = [];
  let next = 0;
  let read = 0;
  const reader = async (): Promise<void> => {
    for (let at = next++; at < blocks.length; at = next++) {
      signal.throwIfAborted();
      const block = blocks[at];
      if (block === undefined) return;
      hashes[at] = await hashBlock(ebs, snapshotId, block);
      read += 1;
      if (read % 512 === 0) onBlocks(read, blocks.length);
    }
  };
  const reading = Array.from({ length: AT_ONCE }, () =>
    reader().catch((error: unknown) => {
      // None of the others goes on for nothing.
      next = blocks.length;
      throw error;
    }),
  );
  await allEnded(reading);
  const whole = createHash('sha256').update(`${sizeGiB} GiB\n`);
  for (const [at, { index }] of blocks.entries()) if (hashes[at] !== null) whole.update(`${index} ${hashes[at]}\n`);
  return whole.digest('hex');
}
