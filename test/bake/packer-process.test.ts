import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { runPacker } from '../../src/bake/packer-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

/** Says that it began, and what it was told; cleans up for as long as a real one that gets no answers. */
const PACKER = '#!/bin/sh\ntrap "echo told; sleep 0.1" INT\necho begun\nwhile :; do sleep 0.05; done\n';

async function stopped(isHopeless: boolean) {
  const folder = tempFolder();
  const file = join(folder, 'packer');
  await writeFile(file, PACKER);
  await chmod(file, 0o755);
  const over = new AbortController();
  let said = '';
  const outputFile = join(folder, 'out');
  const running = runPacker({
    file,
    args: [],
    cwd: folder,
    env: process.env,
    outputFile,
    onOutput: (chunk) => {
      said += Buffer.from(chunk).toString();
    },
    onStart: async () => {},
    signal: over.signal,
    graceMs: { interrupt: 1500, terminate: 500 },
    isHopeless: () => isHopeless,
  });
  await vi.waitFor(() => expect(said).toContain('begun'));
  over.abort();
  return { exit: await running, output: await readFile(outputFile, 'utf8') };
}

test('Packer is asked to stop, so that it removes what it made', async () => {
  const { exit, output } = await stopped(false);
  expect(exit.interrupted).toBe(true);
  expect(output).toContain('told');
});

test('and not asked, but ended, when there is nothing that it could remove', async () => {
  const { exit, output } = await stopped(true);
  expect(exit).toMatchObject({ interrupted: true, exitCode: null });
  expect(output).not.toContain('told');
});
