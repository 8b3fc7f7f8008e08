import { expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { runCli } from '../support/run-cli.ts';

test.each([[[]], [['help']], [['-h']], [['--help']]])('%j is the help of the program', async (typed) => {
  const { exitCode, stdout, stderr } = await runCli(typed);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  for (const part of ['ecs-host plan', 'Exit codes: ', 'ECS_HOST_STATE', 'AWS_ENDPOINT_URL', 'NO_COLOR', 'README.md'])
    expect(stdout).toContain(part);
});

test('help of a verb is the verb with --help, and help of no verb is a mistake', async () => {
  const [asked, option, unknown] = await Promise.all([
    runCli(['help', 'image', 'show']),
    runCli(['image', 'show', '--help']),
    runCli(['help', 'image', 'shw']),
  ]);
  expect(asked.stdout).toBe(option.stdout);
  expect(asked.stdout).toContain('ecs-host image show <image>');
  expect(unknown.exitCode).toBe(2);
  expect(unknown.stderr).toContain('did you mean `ecs-host image show`?');
});

test.each(['--version', '-V', 'version'])('%s says which version this is, and on which Node', async (word) => {
  expect(await runCli([word])).toEqual({
    exitCode: 0,
    stdout: `ecs-host ${packageJson.version} (Node ${process.version})\n`,
    stderr: '',
  });
});

test('completion prints a script, and completes verbs and options', async () => {
  const [script, verbs, options] = await Promise.all([
    runCli(['completion'], { env: { SHELL: '/bin/bash' } }),
    runCli(['--get-yargs-completions', 'ecs-host', 'image', '']),
    runCli(['--get-yargs-completions', 'ecs-host', 'plan', '--']),
  ]);
  expect(script.stdout).toContain('complete -o bashdefault');
  expect(verbs.stdout.split('\n')).toEqual(expect.arrayContaining(['list', 'show']));
  expect(options.stdout.split('\n')).toEqual(expect.arrayContaining(['--region', '--out']));
});

test('a mistake is exit code 2, and a document of its own with --json', async () => {
  const { exitCode, stdout } = await runCli(['plan', '--reigon', 'x', '--json']);
  expect(exitCode).toBe(2);
  expect(JSON.parse(stdout)).toMatchObject({ type: 'error', kind: 'user', code: 'USAGE' });
});
