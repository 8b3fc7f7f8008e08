import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findProgram } from '../../src/io/programs.ts';
import { runCli } from '../support/run-cli.ts';
import { tempFolder } from '../support/temp-folder.ts';

/** On a machine without any of the programs, with folders of its own. */
async function missingFor(
  args: readonly string[],
): Promise<{ exitCode: number | null; missing: string; made: string[] }> {
  const folder = tempFolder();
  const [state, cache] = [join(folder, 'state'), join(folder, 'cache')];
  const env = { PATH: '', ECS_HOST_STATE: state, ECS_HOST_CACHE: cache, PACKER_PLUGIN_PATH: '' };
  const { exitCode, stdout } = await runCli([...args, '--json'], { env });
  const error = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as { code: string; details: { key: string }[] };
  expect(error.code).toBe('PROGRAMS_MISSING');
  return { exitCode, missing: error.details.map(({ key }) => key).join(' '), made: await readdir(folder) };
}

test.each([
  [['ami'], 'packer packer-plugin-amazon setpriv ssh ssh-keygen ffmpeg'],
  [['bake'], 'packer packer-plugin-amazon setpriv'],
  [['smoke', 'ami-00000000000000001'], 'ssh ssh-keygen setpriv ffmpeg'],
  [['smoke', 'ami-00000000000000001', '--only', 'gate'], 'ssh ssh-keygen setpriv'],
])('%s: every program that is missing is named at once, before anything is started or made', async (args, missing) => {
  expect(await missingFor(args)).toEqual({ exitCode: 2, missing, made: [] });
});

test('on AWS credentials and programs that are missing are told together', async () => {
  const folder = tempFolder();
  const env = { PATH: '', ECS_HOST_STATE: folder, ECS_HOST_CACHE: folder, PACKER_PLUGIN_PATH: '' };
  const { exitCode, stdout } = await runCli(['ami', '--region', 'us-east-2', '--json'], { env });
  const error = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as { details: { code: string; key: string }[] };
  expect(exitCode).toBe(2);
  expect(error).toMatchObject({ code: 'SEVERAL_MISSING' });
  expect(error.details[0]).toMatchObject({ code: 'CREDENTIALS_MISSING' });
  expect(error.details.map(({ key }) => key)).toEqual(expect.arrayContaining(['packer', 'session-manager-plugin']));
});

test('doctor --region without credentials says so among what it can look at', async () => {
  const { exitCode, stdout } = await runCli(['doctor', '--region', 'us-east-2', '--json']);
  const { ok, items } = JSON.parse(stdout) as { ok: boolean; items: { name: string; status: string }[] };
  expect([exitCode, ok]).toEqual([2, false]);
  expect(items).toContainEqual(expect.objectContaining({ name: 'caller identity', status: 'missing' }));
  expect(items.map(({ name }) => name)).toContain('program session-manager-plugin');
  expect(items.map(({ name }) => name)).not.toContain('root');
});

test('a program is found along PATH, what was given first', async () => {
  const sh = await findProgram('sh');
  expect(sh).not.toBeNull();
  expect(await findProgram('ecs-host-no-such-program')).toBeNull();
  expect(await findProgram('sh', ['/nonexistent'])).toBe(sh);
});
