import { type Bytes, Part } from '../bytes.ts';
import { isExt4 } from '../ext4/superblock.ts';
import { outsidePartitions, type PartitionPlace, readPartitions } from './partitions.ts';

/** A partition, and how it is read. */
export type Place = PartitionPlace & {
  /** Where it begins in what was opened; `from` when that is the whole disk. */
  readonly at: number;
  readonly source: Bytes;
  readonly isExt4: boolean;
};

export type Layout = {
  readonly places: readonly Place[];
  /** What of the disk is in no partition, in its order. */
  readonly outside: readonly { readonly from: number; readonly bytes: number }[];
};

/**
 * What lies where on the disk.
 *
 * @throws Error when a partition table is damaged, or there is neither one nor a file system
 */
export function readLayout(disk: Bytes): Layout {
  const whole = { number: 0, from: 0, bytes: disk.bytes, type: null, label: null, at: 0, source: disk };
  const partitions = readPartitions(disk);
  if (partitions.length > 0)
    return {
      places: partitions.map((partition) => {
        const source = new Part(disk, partition.from, partition.bytes);
        return { ...partition, at: partition.from, source, isExt4: isExt4(source) };
      }),
      outside: outsidePartitions(disk.bytes, partitions),
    };
  if (!isExt4(disk)) throw new Error('the disk has neither a partition table nor an ext4 file system');
  return { places: [{ ...whole, isExt4: true }], outside: [] };
}
