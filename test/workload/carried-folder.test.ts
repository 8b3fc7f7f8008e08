import { lstat, mkdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { bringStep, bringWorkload } from '../../src/workload/brought.ts';
import { workload } from '../fixtures/workload.ts';
import { NO_SECRETS, shellHost } from '../support/shell-host.ts';
import { tempFolder } from '../support/temp-folder.ts';

async function images(): Promise<string> {
  const folder = tempFolder();
  await mkdir(join(folder, 'base'));
  await writeFile(join(folder, 'build.sh'), '#!/bin/sh\n', { mode: 0o755 });
  await writeFile(join(folder, 'base', '-a file\n'), 'odd\n');
  await symlink('build.sh', join(folder, 'link'));
  await writeFile(join(folder, '.gitignore'), 'secret\n');
  await writeFile(join(folder, 'secret'), 'stays here\n');
  await execa('git', ['init', '--quiet', folder]);
  return folder;
}

test('a folder arrives without what git ignores, and the same content is the same bytes', async () => {
  const folder = await images();
  const host = await shellHost();
  const bring = () => bringWorkload({ ...workload, repository: null, folder }, NO_SECRETS, tempFolder());
  const brought = await bring();
  const { command, ...input } = bringStep(brought);
  const { exitCode, stdout } = await host.ssh.run(command, input);
  expect(exitCode).toBe(0);
  const there = join(host.home, 'container-images');
  expect((await lstat(join(there, 'build.sh'))).mode & 0o111).toBe(0o111);
  expect(await readlink(join(there, 'link'))).toBe('build.sh');
  expect(await readFile(join(there, 'base', '-a file\n'), 'utf8')).toBe('odd\n');
  await expect(lstat(join(there, 'secret'))).rejects.toThrow('ENOENT');
  expect(stdout).toContain('sha256');
  const again = await bring();
  expect(again).toMatchObject({ sha256: 'sha256' in brought ? brought.sha256 : '' });
  await writeFile(join(folder, 'build.sh'), 'changed');
  expect(await bring()).not.toMatchObject({ sha256: 'sha256' in brought ? brought.sha256 : '' });
});

test('a folder that is not there is a mistake of the configuration', async () => {
  const folder = join(tempFolder(), 'nowhere');
  await expect(
    bringWorkload({ ...workload, repository: null, folder }, NO_SECRETS, tempFolder()),
  ).rejects.toMatchObject({ code: 'WORKLOAD_FOLDER', kind: 'user' });
});
