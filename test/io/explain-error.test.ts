import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { userError } from '../../src/io/errors.ts';
import { explainError } from '../../src/io/explain-error.ts';
import { exitCodeOf, renderError } from '../../src/io/render-error.ts';
import { sharedTempFolder } from '../support/temp-folder.ts';

const folder = sharedTempFolder();

function caught(work: Promise<unknown>): Promise<unknown> {
  return work.then(String, (error: unknown) => error);
}

test('what the system says about a path is the user’s, with the path and a reason', async () => {
  await writeFile(join(folder, 'file'), '');
  const under = join(folder, 'file', 'under');
  const error = explainError(await caught(mkdir(under)));
  expect(error).toMatchObject({ kind: 'user', code: 'FILE_UNUSABLE' });
  expect(String(error)).toContain(`${under} cannot be made: a part of the path is a file, not a folder (ENOTDIR).`);
  const missing = join(folder, 'none', 'x');
  expect(String(explainError(await caught(writeFile(missing, ''))))).toContain(`${missing} cannot be opened`);
  expect(String(explainError(await caught(writeFile(folder, ''))))).toContain('it is a folder, not a file');
});

test.each(['EACCES', 'EROFS', 'ENOSPC', 'EEXIST'])('%s is exit code 2', (code) => {
  const error = Object.assign(new Error(`${code}: no, open '/x'`), { code, syscall: 'open', path: '/x' });
  expect(exitCodeOf(explainError(error))).toBe(2);
});

function api(name: string, httpStatusCode: number): Error {
  return Object.assign(new Error("The image id '[ami-0]' does not exist"), { name, $metadata: { httpStatusCode } });
}

test.each([
  ['InvalidAMIID.NotFound', 400, 2],
  ['InvalidAMIID.Malformed', 400, 2],
  ['UnauthorizedOperation', 403, 2],
  ['AuthFailure', 401, 2],
  ['ExpiredTokenException', 400, 2],
  ['InstanceLimitExceeded', 400, 2],
  ['InternalError', 500, 3],
  ['Unheard', 400, 3],
])('%s of the API (%i) is exit code %i, never a bug', (name, status, code) => {
  const error = explainError(api(name, status));
  expect(exitCodeOf(error)).toBe(code);
  expect(String(error)).toContain(`The image id '[ami-0]' does not exist (${name})`);
});

test('a bug stays one, and says where it is told and with what', () => {
  const bug = new TypeError('x is undefined');
  expect(explainError(bug)).toBe(bug);
  expect(exitCodeOf(bug)).toBe(1);
  const text = renderError(bug);
  for (const part of ['x is undefined', 'explain-error.test.ts', 'please report it', 'ecs-host doctor', 'remote -v'])
    expect(text).toContain(part);
});

test('--debug adds the stack and what repeats the step, and only then', () => {
  const error = userError('USAGE', 'No.').repeatedBy('packer build').repeatedBy('ecs-host bake');
  expect(renderError(error)).toBe('ecs-host: No.');
  expect(renderError(error, { debug: true })).toContain('to repeat the failing step:\n    packer build\n');
  expect(renderError(error, { debug: true })).toContain('explain-error.test.ts');
});

test.each([
  [
    { code: 'ENOTFOUND', hostname: 'ec2.us-esat-2.amazonaws.com' },
    'ec2.us-esat-2.amazonaws.com',
    'its name is not known',
  ],
  [{ code: 'ECONNREFUSED', address: '127.0.0.1', port: 9 }, '127.0.0.1:9', 'nothing listens there'],
])('an API that cannot be reached is the user’s: %j', (facts, where, reason) => {
  const error = Object.assign(new Error('getaddrinfo'), facts, { $metadata: { attempts: 3 } });
  expect(explainError(error)).toMatchObject({
    kind: 'user',
    code: 'API_UNREACHABLE',
    message: `The API at ${where} cannot be reached: ${reason} (${facts.code}).`,
  });
});

test('what is no API is said without the SDK’s own words', () => {
  const error = Object.assign(new Error('x\n  Deserialization error: inspect the hidden field {error}.$response'), {
    $metadata: { httpStatusCode: 200 },
  });
  expect(explainError(error)).toMatchObject({ kind: 'outside', message: 'What answered is no API of AWS (HTTP 200).' });
});
