import { copyFile, link, open, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BlockLists } from '../../../lab/disks/blocks.ts';
import { createDisks, diskFile } from '../../../lab/disks/disks.ts';
import { BLOCK_BYTES } from '../../../lab/machine-types.ts';
import { tempFolder } from '../../support/temp-folder.ts';

async function sparseFile(file: string): Promise<void> {
  await writeFile(file, '');
  await truncate(file, 64 * BLOCK_BYTES);
  const handle = await open(file, 'r+');
  await handle.write(Buffer.from('begin'), 0, 5, 2 * BLOCK_BYTES + 7);
  // Written, and nothing but zeros.
  await handle.write(Buffer.alloc(BLOCK_BYTES), 0, BLOCK_BYTES, 20 * BLOCK_BYTES);
  // Across the border of two blocks.
  await handle.write(Buffer.from('xy'), 0, 2, 41 * BLOCK_BYTES - 1);
  await handle.close();
}

test('blocks that hold anything are found, and read', async () => {
  const folder = tempFolder();
  await sparseFile(diskFile(folder, 'snap-1'));
  const disks = createDisks(folder);
  expect(await disks.dataBlocks('snap-1')).toEqual([2, 40, 41]);
  const block = await disks.readBlock('snap-1', 2);
  expect([block.length, block.toString('utf8', 7, 12)]).toEqual([BLOCK_BYTES, 'begin']);
  expect((await disks.readBlock('snap-1', 63)).every((byte) => byte === 0)).toBe(true);
  await expect(disks.dataBlocks('snap-2')).rejects.toThrow('no disk snap-2');
});

test('two names of one file are looked through once', async () => {
  const folder = tempFolder();
  const file = join(folder, 'a');
  await sparseFile(file);
  await link(file, join(folder, 'b'));
  await copyFile(file, join(folder, 'c'));
  const lists = new BlockLists();
  const first = await lists.of(file);
  expect(await lists.of(join(folder, 'b'))).toBe(first);
  const other = await lists.of(join(folder, 'c'));
  expect(other).not.toBe(first);
  expect(other).toEqual(first);
});
