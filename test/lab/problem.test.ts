import { expect, test } from 'vitest';
import { downLine } from '../../lab/lifecycle/down.ts';
import { explainProblem, UserProblem } from '../../lab/problem.ts';

const FOLDERS = { state: '/s/lab', cache: '/c' };

function system(code: string, path?: string): Error {
  return Object.assign(new Error(`${code}: it went wrong`), { code, ...(path === undefined ? {} : { path }) });
}

test.each([
  system('ENOSPC'),
  new Error("cp: exit code 1\ncp: error writing '/s/lab/disks/x': No space left on device"),
])('a full disk is said with the folders that may be on it: %s', (error) => {
  const problem = explainProblem(error, FOLDERS);
  expect(problem).toBeInstanceOf(UserProblem);
  expect(problem.message).toContain('No space is left for the lab, in /s/lab or /c');
});

test('a folder that may not be written is named', () => {
  expect(explainProblem(system('EROFS', '/s/lab'), FOLDERS)).toMatchObject({
    name: 'UserProblem',
    message: '/s/lab cannot be used: it is on a read-only file system (EROFS).',
  });
});

test('what nobody can mend stays as it is', () => {
  const error = new Error('moto ended');
  expect(explainProblem(error, FOLDERS)).toBe(error);
  expect(explainProblem('odd', FOLDERS).message).toBe('odd');
});

test('down says what it found', () => {
  expect(downLine({ wasUp: true, removed: [] })).toBe('The lab is down.');
  expect(downLine({ wasUp: false, removed: [] })).toBe('The lab was not up.');
  expect(downLine({ wasUp: false, removed: ['machine i-0aa'] })).toBe(
    'The lab was not up; what an earlier one left is removed.',
  );
});
