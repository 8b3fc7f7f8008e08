import { expect, test } from 'vitest';
import { cloneCommand, type Repository } from '../../src/workload/commands.ts';
import { keyPathIn } from '../../src/workload/key.ts';
import { workload } from '../fixtures/workload.ts';

test('cloneCommand takes the repository, its ref, and a ref for each configured submodule', () => {
  expect(cloneCommand(workload.repository as Repository).split(' && ')).toEqual([
    'rm -rf container-images',
    "git clone --quiet --recurse-submodules 'http://192.0.2.1/git/container-images.git' container-images",
    "git -C container-images checkout --quiet 'main'",
    'git -C container-images submodule --quiet update --init --recursive',
    "git -C container-images/'base/protocol' fetch --quiet origin 'v1'",
    "git -C container-images/'base/protocol' checkout --quiet FETCH_HEAD",
    'git -C container-images rev-parse HEAD',
  ]);
});

test.each([
  ['key: /run/user/1000/base/key\n', '/run/user/1000/base/key'],
  ['container abc\nThe client key is in /home/admin/.cache/fractal/base.key\n', '/home/admin/.cache/fractal/base.key'],
  ['no path here\n', null],
])('keyPathIn %j', (stdout, path) => {
  expect(keyPathIn(stdout)).toBe(path);
});
