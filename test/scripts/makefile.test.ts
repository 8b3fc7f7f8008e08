import { execa } from 'execa';
import { expect, test, vi } from 'vitest';
import { projectFolder } from '../../src/io/paths.ts';

// Each starts the program, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

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

test('make ami REGION= is told, and does not go to the default', async () => {
  expect((await makeAmi('REGION=')).all).toContain('--region is empty.');
});
