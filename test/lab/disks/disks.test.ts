import { execFileSync } from 'node:child_process';
import { readdir, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { createDisks, diskFile, importSnapshot, removePartialDisks } from '../../../lab/disks/disks.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const TOOLS = '/usr/sbin:/sbin';
const hasTools = (() => {
  try {
    execFileSync('resize2fs', ['-h'], { stdio: 'ignore', env: { PATH: `${process.env['PATH']}:${TOOLS}` } });
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
})();

let folder: string;
beforeEach(() => {
  folder = tempFolder();
});

async function makeBase(): Promise<string> {
  const file = join(folder, 'base');
  await writeFile(file, '');
  await truncate(file, 1024 ** 3);
  execFileSync('mkfs.ext4', ['-q', '-F', file], { env: { PATH: `${process.env['PATH']}:${TOOLS}` } });
  return file;
}

describe.runIf(hasTools)('with file systems', () => {
  test('a volume grows to what was asked for, and stays sparse', async () => {
    await importSnapshot(folder, 'snap-base', await makeBase());
    const disks = createDisks(folder);
    await disks.createFromSnapshot('vol-1', 'snap-base', 2);
    const made = await stat(diskFile(folder, 'vol-1'));
    expect(made.size).toBe(2 * 1024 ** 3);
    expect(made.blocks * 512).toBeLessThan(200 * 1024 ** 2);
    const header = execFileSync('dumpe2fs', ['-h', diskFile(folder, 'vol-1')], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { PATH: `${process.env['PATH']}:${TOOLS}` },
    });
    const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(header)?.[1]);
    expect(field('Block count') * field('Block size')).toBe(2 * 1024 ** 3);
  });

  test('a data volume is what its snapshot is, and zeros behind that', async () => {
    await importSnapshot(folder, 'snap-base', await makeBase());
    const disks = createDisks(folder);
    await disks.createDataVolume('vol-1', 'snap-base', 1);
    await disks.createDataVolume('vol-2', 'snap-base', 2);
    const compare = ['-n', String(4 * 1024 ** 2), diskFile(folder, 'snap-base')];
    execFileSync('cmp', [...compare, diskFile(folder, 'vol-1')]);
    execFileSync('cmp', [...compare, diskFile(folder, 'vol-2')]);
    expect((await stat(diskFile(folder, 'vol-2'))).size).toBe(2 * 1024 ** 3);
    await expect(disks.createDataVolume('vol-3', 'snap-base', 0.5)).rejects.toThrow('smaller than its snapshot');
  });

  test('snapshot, copy, list and removal', async () => {
    await importSnapshot(folder, 'snap-base', await makeBase());
    const disks = createDisks(folder);
    await disks.createFromSnapshot('vol-1', 'snap-base', 1);
    await disks.createSnapshot('snap-1', 'vol-1');
    await disks.copySnapshot('snap-2', 'snap-1');
    await disks.removeSnapshot('snap-1');
    expect(await disks.list()).toEqual({
      disks: ['vol-1'],
      snapshots: expect.arrayContaining(['snap-2', 'snap-base']),
    });
    await disks.createFromSnapshot('vol-2', 'snap-2', 1);
    await disks.removeDisk('vol-1');
    await disks.removeDisk('vol-1');
    expect((await disks.list()).disks).toEqual(['vol-2']);
  });

  test('a volume smaller than its snapshot is refused, and leaves nothing', async () => {
    await importSnapshot(folder, 'snap-base', await makeBase());
    await expect(createDisks(folder).createFromSnapshot('vol-1', 'snap-base', 0.5)).rejects.toThrow(
      'smaller than its snapshot',
    );
    expect((await readdir(folder)).toSorted()).toEqual(['base', 'snap-base.raw']);
  });
});

test('an unknown snapshot is named', async () => {
  await expect(createDisks(folder).createFromSnapshot('vol-1', 'snap-none', 1)).rejects.toThrow('no disk snap-none');
});

test('a copy that fails leaves nothing, and one that a crash left is removed', async () => {
  await writeFile(diskFile(folder, 'snap-bad'), 'not a file system');
  await expect(createDisks(folder).createFromSnapshot('vol-1', 'snap-bad', 1)).rejects.toThrow();
  expect(await readdir(folder)).toEqual(['snap-bad.raw']);
  await writeFile(join(folder, 'vol-9.raw.partial'), '');
  await removePartialDisks(folder);
  expect(await readdir(folder)).toEqual(['snap-bad.raw']);
});
