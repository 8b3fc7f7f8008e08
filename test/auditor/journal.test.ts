import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tempFolder } from '../support/temp-folder.ts';
import { audit, debugfs, entriesOf, makeExt4 } from './file-systems.ts';

const BLOCK = 4096;
const JOURNAL_MAGIC = Buffer.from('c03b3998', 'hex');

function planted(options: readonly string[]): string {
  const folder = tempFolder();
  const root = join(folder, 'root');
  mkdirSync(join(root, 'sub'), { recursive: true });
  writeFileSync(join(root, 'sub', 'before'), 'before');
  writeFileSync(join(root, 'file'), Buffer.alloc(3 * BLOCK + 5, 'as it lies '));
  return makeExt4(join(folder, 'disk'), root, options);
}

function blocksOf(disk: string, name: string): readonly number[] {
  const line = debugfs(disk, `blocks ${name}`)
    .split('\n')
    .find((each) => /^\d/.test(each));
  return (line ?? '').trim().split(' ').map(Number);
}

/** What a machine leaves that lost its power: blocks that are in the journal, and not in their places. */
function journal(disk: string, name: string, block: number, content: Buffer, options = ''): void {
  writeFileSync(`${disk}.${name}`, content);
  debugfs(disk, 'jo', `jw -b ${block} ${options} ${disk}.${name}`, 'jc');
}

/** The file system as e2fsprogs makes it of what the machine left. */
function replayedByOthers(disk: string): string {
  const copy = `${disk}.replayed`;
  copyFileSync(disk, copy);
  execFileSync('debugfs', ['-w', '-R', 'jr', copy], { stdio: 'pipe' });
  return copy;
}

describe.each([
  ['with checksums', []],
  ['of 64 bits without checksums', ['-O', '64bit,^metadata_csum']],
  ['of 32 bits', ['-O', '^64bit,^metadata_csum']],
])('a journal %s that was not played', (_, options) => {
  test('is read as if it was', async () => {
    const disk = planted(options);
    const [folder = 0] = blocksOf(disk, 'sub');
    const renamed = readFileSync(disk).subarray(folder * BLOCK, (folder + 1) * BLOCK);
    renamed.write('after!', renamed.indexOf('before'));
    journal(disk, 'folder', folder, renamed);
    const [, second = 0, , last = 0] = blocksOf(disk, 'file');
    journal(disk, 'first', second, Buffer.alloc(BLOCK, 'too old '));
    journal(disk, 'second', second, Buffer.concat([JOURNAL_MAGIC, Buffer.alloc(BLOCK - 4, 'escaped ')]));
    journal(disk, 'third', last, Buffer.alloc(BLOCK, 'not committed '), '-c');
    const found = await entriesOf(disk);
    const expected = await entriesOf(replayedByOthers(disk));
    expect(found.get('/sub/after!')).toMatchObject({ size: 6 });
    expect(found.get('/file')?.sha256).not.toBe((await entriesOf(planted(options))).get('/file')?.sha256);
    expect([...found.keys()]).toEqual([...expected.keys()]);
    expect(found.get('/file')).toEqual(expected.get('/file'));
    const lines = await audit(disk, { action: 'manifest', contents: ['/file'] });
    const content = lines.flatMap((line) => (line.type === 'content' ? [Buffer.from(line.base64, 'base64')] : []));
    expect(content[0]?.subarray(BLOCK, BLOCK + 12)).toEqual(Buffer.concat([JOURNAL_MAGIC, Buffer.from('escaped ')]));
  });

  test('has no effect on blocks that were revoked later', async () => {
    const disk = planted(options);
    const [, second = 0, third = 0] = blocksOf(disk, 'file');
    journal(disk, 'revoked', second, Buffer.alloc(BLOCK, 'revoked '));
    journal(disk, 'kept', third, Buffer.alloc(BLOCK, 'kept '), `-r ${second}`);
    const expected = (await entriesOf(replayedByOthers(disk))).get('/file');
    expect((await entriesOf(disk)).get('/file')).toEqual(expected);
  });
});

test('a journal that is damaged is refused', async () => {
  const disk = planted([]);
  const [first = 0] = blocksOf(disk, '<8>');
  journal(disk, 'some', blocksOf(disk, 'file')[0] ?? 0, Buffer.alloc(BLOCK, 1));
  const bytes = readFileSync(disk);
  bytes.writeUInt32BE(0, first * BLOCK);
  writeFileSync(disk, bytes);
  truncateSync(disk, bytes.length);
  await expect(entriesOf(disk)).rejects.toThrow('the journal is damaged: it does not begin as one');
});
