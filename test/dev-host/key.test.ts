import { readdir, stat } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import { devHostsFolder, devKeyFile, ensureDevKey } from '../../src/dev-host/key.ts';
import { tempFolder } from '../support/temp-folder.ts';

test('all who make the key at once get the same one, and nothing else is left', async () => {
  process.env['ECS_HOST_STATE'] = tempFolder();
  onTestFinished(() => {
    delete process.env['ECS_HOST_STATE'];
  });
  const keys = await Promise.all(Array.from({ length: 8 }, () => ensureDevKey()));
  expect(new Set(keys).size).toBe(1);
  expect(keys[0]).toMatch(/^ssh-ed25519 /);
  expect(await ensureDevKey()).toBe(keys[0]);
  expect(await readdir(devHostsFolder())).toEqual(['id_ed25519']);
  expect((await stat(devKeyFile())).mode & 0o777).toBe(0o600);
});
