import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bootstrapOptions } from '../../src/cli/bootstrap-options.ts';
import { runCli } from '../support/run-cli.ts';
import { tempFolder } from '../support/temp-folder.ts';

const DEFAULTS = { 'log-days': 30, destroy: false, 'dry-run': false, yes: false, json: false };

test('nothing given is nobody let in anew, and no CI', () => {
  expect(bootstrapOptions(DEFAULTS)).toEqual({
    wanted: { clients: null, webserver: null, logDays: 30, ci: null },
    template: null,
    destroy: false,
    dryRun: false,
    yes: false,
  });
});

test('CI is one branch of one repository', () => {
  expect(bootstrapOptions({ ...DEFAULTS, 'ci-repository': 'octo-org/hosts' }).wanted.ci).toEqual({
    repository: 'octo-org/hosts',
    branch: 'main',
  });
});

test.each([
  [{ 'ci-repository': 'hosts' }, 'is not owner/name'],
  [{ 'ci-repository': 'octo-org/*' }, 'is not owner/name'],
  [{ 'ci-repository': 'octo-org/hosts', 'ci-branch': 'release/*' }, 'is no branch'],
  [{ 'ci-branch': 'main' }, 'without --ci-repository'],
  [{ template: 'x.json', destroy: true }, '--template and --destroy do not go together'],
  [{ template: 'x.json', json: true }, '--template and --json do not go together'],
  [{ destroy: true, clients: ['10.0.0.0/8'] }, '--destroy and --clients do not go together'],
  [{ webserver: ['0.0.0.0/0'] }, 'much of the internet'],
])('%j is a mistake', (given, reason) => {
  expect(() => bootstrapOptions({ ...DEFAULTS, ...given })).toThrow(reason);
});

test('a template needs no account, and goes to a file or to stdout', async () => {
  const folder = tempFolder();
  const file = join(folder, 'account.json');
  const template = (where: string, ...more: string[]) =>
    runCli(['bootstrap', '--region', 'us-east-2', '--template', where, ...more], {
      env: { ECS_HOST_STATE: folder },
    });
  const [written, printed, nobody] = await Promise.all([
    template(file, '--clients', '10.0.0.0/8'),
    template('-', '--clients', '10.0.0.0/8'),
    template(file),
  ]);
  expect(written).toMatchObject({
    exitCode: 0,
    stdout: '',
    stderr: expect.stringContaining(`--template-file ${file}`),
  });
  expect(printed.stdout).toBe(await readFile(file, 'utf8'));
  expect(JSON.parse(printed.stdout)).toMatchObject({ AWSTemplateFormatVersion: '2010-09-09' });
  expect(nobody).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('give --clients') });
});
