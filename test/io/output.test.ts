import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { aRecord } from '../fixtures/image-record.ts';
import { runCli } from '../support/run-cli.ts';
import { tempFolder } from '../support/temp-folder.ts';

const BIG = 200 * 1024;

/** A state folder with one record, whose document is larger than what a pipe holds. */
async function stateWithBigRecord(): Promise<string> {
  const folder = tempFolder();
  const check = { id: 'a.b', title: 't'.repeat(150), expected: 'x', actual: 'y', verdict: 'correct' };
  await mkdir(join(folder, 'images'));
  await writeFile(
    join(folder, 'images', 'ami-0aa.json'),
    JSON.stringify({ ...aRecord('ami-0aa'), bakeChecks: Array(1000).fill(check) }),
  );
  return folder;
}

test('a document of 200 KB passes a pipe whose reader is slow', async () => {
  const state = await stateWithBigRecord();
  const { exitCode, stdout } = await runCli(['image', 'show', 'ami-0aa', '--json'], {
    env: { ECS_HOST_STATE: state },
    readAfterMs: 1500,
  });
  expect(exitCode).toBe(0);
  expect(stdout.length).toBeGreaterThan(BIG);
  expect(JSON.parse(stdout)).toMatchObject({ imageId: 'ami-0aa' });
});

test.each([['--json'], ['--plain']])('a stdout that cannot be written is an error (%s)', async (form) => {
  const state = await stateWithBigRecord();
  await using full = await open('/dev/full', 'w');
  const { exitCode, stderr } = await runCli(['image', 'show', 'ami-0aa', form], {
    env: { ECS_HOST_STATE: state },
    stdout: full.fd,
  });
  expect(exitCode).toBe(2);
  expect(stderr).toContain('could not be written to stdout: no space is left on it');
});
