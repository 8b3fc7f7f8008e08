import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { findProgram } from '../../src/io/programs.ts';
import { runCli } from '../support/run-cli.ts';
import { tempFolder } from '../support/temp-folder.ts';

vi.setConfig({ testTimeout: 30_000 });

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

test('a program is found along PATH, what was given first', async () => {
  const sh = await findProgram('sh');
  expect(sh).not.toBeNull();
  expect(await findProgram('ecs-host-no-such-program')).toBeNull();
  expect(await findProgram('sh', ['/nonexistent'])).toBe(sh);
});
