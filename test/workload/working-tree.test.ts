import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import type { SpanHandle } from '../../src/io/reporter.ts';
import { bringWorkload } from '../../src/workload/brought.ts';
import { describeTree, ensureWorkingTree } from '../../src/workload/working-tree.ts';
import { workload } from '../fixtures/workload.ts';
import { NO_SECRETS, shellHost, workloadRepository } from '../support/shell-host.ts';

const span = { id: 's1', progress: () => {}, check: () => {}, child: () => ({ progress: () => {}, end: () => {} }) };

async function prepared() {
  const given = await workloadRepository({ discoveryTcp: 1, streamTcp: 2 }, new Uint8Array(16));
  const repository = given.url;
  const { stdout: commit } = await execa('git', ['rev-parse', '--short=12', 'HEAD'], { cwd: repository });
  const host = await shellHost();
  const ensure = () =>
    ensureWorkingTree(
      host.ssh,
      () => bringWorkload({ ...workload, repository: given }, NO_SECRETS, host.home),
      span as SpanHandle,
    );
  return { ...host, repository, commit, ensure, folder: join(host.home, 'container-images') };
}

test('the repository is cloned where it is not there, and left as it is where it is', async () => {
  const { commit, ensure, folder, home } = await prepared();
  expect(await ensure()).toEqual({ isNew: true, commit, isChanged: false });
  expect(await ensure()).toEqual({ isNew: false, commit, isChanged: false });
  await writeFile(join(folder, 'build_protocol.sh'), 'mine');
  const tree = await ensure();
  expect(tree).toEqual({ isNew: false, commit, isChanged: true });
  expect(describeTree(tree)).toBe(`container-images at ${commit}, with changes that are not committed`);
  expect((await readdir(home)).filter((name) => name.includes('images'))).toEqual(['container-images']);
});

test('a clone that was cut off does not pass for the repository', async () => {
  const { commit, ensure, home } = await prepared();
  await mkdir(join(home, '.container-images.new', 'half'), { recursive: true });
  expect(await ensure()).toEqual({ isNew: true, commit, isChanged: false });
});

test('a folder without git, as a sync may leave it, is used as it lies there', async () => {
  const { ensure, folder } = await prepared();
  await ensure();
  await rm(join(folder, '.git'), { recursive: true });
  const tree = await ensure();
  expect(tree).toEqual({ isNew: false, commit: null, isChanged: false });
  expect(describeTree(tree)).toContain('as it lies there');
});

test('a repository that is not there is an error that says what git said', async () => {
  const { ensure, repository, home } = await prepared();
  await rm(repository, { recursive: true });
  await expect(ensure()).rejects.toMatchObject({ code: 'WORKLOAD_FAILED', output: expect.stringContaining('fatal') });
  expect(await readdir(home)).not.toContain('container-images');
});
