import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { projectFolder } from '../../src/io/paths.ts';
import { tempFolder } from '../support/temp-folder.ts';

/** `-o setup`: as if set-up had been done. No region, profile or option is called like this, so nothing starts. */
function makeAmi(variable: string) {
  return execa('make', ['-o', 'setup', 'ami', variable], { cwd: projectFolder(), reject: false, all: true });
}

test.each(['REGION', 'PROFILE', 'ARGS'])('make ami %s=... runs nothing that stands in it', async (name) => {
  const { exitCode, all } = await makeAmi(`${name}=x;echo RAN \`echo RAN >&2\` 'quote`);
  expect(exitCode).toBe(2);
  expect(all).toMatch(/^ecs-host: /);
  expect(all).not.toMatch(/^RAN/m);
});

/** The Makefile with a set-up and a program that only say how they were called. */
async function recorded(...args: string[]): Promise<string[]> {
  const folder = tempFolder();
  await copyFile(join(projectFolder(), 'Makefile'), join(folder, 'Makefile'));
  for (const program of ['scripts/setup', 'bin/ecs-host']) {
    await mkdir(join(folder, dirname(program)));
    await writeFile(join(folder, program), `#!/bin/sh\necho ${program} "$@"\n`, { mode: 0o755 });
  }
  // What `make test` exports to all that it starts is not what a user's own make has.
  const env = { SETUP_LINT: undefined, SETUP_REGION: undefined, MAKEFLAGS: undefined, MAKELEVEL: undefined };
  return (await execa('make', args, { cwd: folder, env })).stdout.split('\n');
}

test('set-up hears of the region where that is where the work is done', async () => {
  const region = 'REGION=us-east-2';
  expect(await recorded('ami', region)).toEqual([
    'scripts/setup --region us-east-2',
    'bin/ecs-host ami --region us-east-2',
  ]);
  expect(await recorded('doctor', region)).toContain('bin/ecs-host doctor --region us-east-2');
  expect(await recorded('ami')).toEqual(['scripts/setup', 'bin/ecs-host ami']);
  expect(await recorded('setup', region)).toEqual(['scripts/setup']);
});

test('make ami REGION= is told, and does not go to the default', async () => {
  expect((await makeAmi('REGION=')).all).toContain('--region is empty.');
});
