import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { FindingLine } from '#contracts/audit.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { audit, debugfs, findingsOf, makeExt4, runAuditor } from './file-systems.ts';
import { SAMPLES } from './samples.ts';

const BLOCK = 4096;
const TOKEN = SAMPLES['a token of GitHub']?.text ?? '';
const KEY = SAMPLES['a private key']?.text ?? '';
const GITHUB = '@secretlint/secretlint-rule-github';

function planted(files: Readonly<Record<string, string | Buffer>>, options: readonly string[] = []): string {
  const folder = tempFolder();
  const root = join(folder, 'root');
  mkdirSync(root);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(root, name), content);
  return makeExt4(join(folder, 'disk'), root, options);
}

/** Writes into the disk itself, as somebody would who hides something. */
function overwrite(disk: string, at: number, text: string): void {
  const bytes = readFileSync(disk);
  bytes.write(text, at, 'latin1');
  writeFileSync(disk, bytes);
}

function firstBlockOf(disk: string, name: string): number {
  return Number(/^\d+/m.exec(debugfs(disk, `blocks ${name}`))?.[0]);
}

type Asked = { readonly files?: readonly string[]; readonly data?: readonly (readonly [number, number])[] | null };

async function findings(disk: string, { files = [], data = null }: Asked = {}): Promise<readonly FindingLine[]> {
  return findingsOf(await audit(disk, { action: 'scan', files, freeSpace: files.length === 0, data }));
}

test('asked files are searched, others not, and no finding has the secret in it', async () => {
  const disk = planted({ asked: `token: ${TOKEN}\n`, other: TOKEN, clean: 'nothing' });
  const found = await findings(disk, { files: ['/asked', '/clean'] });
  expect(found).toEqual([{ type: 'finding', rule: GITHUB, where: 'file', path: '/asked', offset: 7 }]);
  expect(JSON.stringify(found)).not.toContain(TOKEN.slice(0, 10));
});

test('content within the inode is searched, too', async () => {
  const disk = planted({ small: TOKEN }, ['-O', 'inline_data', '-I', '512']);
  expect(await findings(disk, { files: ['/small'] })).toMatchObject([{ rule: GITHUB, path: '/small', offset: 0 }]);
});

test('a large file is searched to its end', async () => {
  const large = Buffer.alloc(5 * 1024 * 1024);
  large.write(KEY, 1024 * 1024 - 100);
  large.write(TOKEN, large.length - TOKEN.length);
  const disk = planted({ large });
  expect(await findings(disk, { files: ['/large'] })).toMatchObject([
    { rule: '@secretlint/secretlint-rule-privatekey', offset: 1024 * 1024 - 100 },
    { rule: GITHUB, offset: large.length - TOKEN.length },
  ]);
});

test('a file that is not there is said, and not passed over', async () => {
  const disk = planted({ here: 'x' });
  const request = { action: 'scan', files: ['/gone'], freeSpace: false, data: null };
  const asked = { ...request, disk: { volumeId: 'vol-0', deviceName: disk } };
  expect(await runAuditor(JSON.stringify(asked))).toMatchObject({
    code: 1,
    stderr: '/gone is to be searched and is not on the disk\n',
  });
});

describe('what belongs to no file', () => {
  test('has what a deleted file left, and nothing of files that are there', async () => {
    const disk = planted({ gone: `${'line\n'.repeat(10)}${KEY}`, here: TOKEN });
    const at = firstBlockOf(disk, 'gone') * BLOCK;
    debugfs(disk, 'rm gone');
    expect(await findings(disk)).toEqual([
      {
        ...{ type: 'finding', rule: '@secretlint/secretlint-rule-privatekey' },
        ...{ where: 'free space', path: null, offset: at + 50 },
      },
    ]);
  });

  test('has the end of the last block of a file', async () => {
    const disk = planted({ short: 'short' });
    overwrite(disk, firstBlockOf(disk, 'short') * BLOCK + 1000, TOKEN);
    expect(await findings(disk)).toEqual([
      { type: 'finding', rule: GITHUB, where: 'end of a file', path: '/short', offset: 1000 },
    ]);
  });

  test('has the journal', async () => {
    const disk = planted({});
    const at = firstBlockOf(disk, '<8>') * BLOCK + 20 * BLOCK;
    overwrite(disk, at, TOKEN);
    expect(await findings(disk)).toEqual([{ type: 'finding', rule: GITHUB, where: 'journal', path: null, offset: at }]);
  });

  test('has blocks that a file reserved and never wrote', async () => {
    const disk = planted({ reserved: 'x' });
    debugfs(disk, 'fallocate reserved 1 4');
    const [, second = ''] = /^(\d+) (\d+)/m.exec(debugfs(disk, 'blocks reserved'))?.slice(1) ?? [];
    overwrite(disk, Number(second) * BLOCK, TOKEN);
    debugfs(disk, 'set_inode_field reserved size 20480');
    expect(await findings(disk)).toMatchObject([{ where: 'free space', offset: Number(second) * BLOCK }]);
  });

  test('has blocks that are said to be used, and that no name leads to', async () => {
    const disk = planted({ lost: TOKEN });
    const at = firstBlockOf(disk, 'lost') * BLOCK;
    debugfs(disk, 'unlink lost');
    expect(await findings(disk)).toMatchObject([{ rule: GITHUB, where: 'free space', offset: at }]);
  });

  test('is searched only where there may be anything but zeros', async () => {
    const disk = planted({ gone: TOKEN });
    const at = firstBlockOf(disk, 'gone') * BLOCK;
    debugfs(disk, 'rm gone');
    expect(await findings(disk, { data: [[0, at]] })).toEqual([]);
    expect(await findings(disk, { data: [[at, at + BLOCK]] })).toMatchObject([{ offset: at }]);
  });
});

test('a text that is on no disk is searched as a file of its name', async () => {
  const request = { action: 'text', name: 'user data', text: `#!/bin/sh\nexport GITHUB_TOKEN=${TOKEN}\n` };
  const { lines } = await runAuditor(JSON.stringify(request));
  expect(lines).toMatchObject([
    { type: 'finding', rule: GITHUB, where: 'file', path: 'user data', offset: 30 },
    { type: 'end', lines: 2 },
  ]);
});
