import { chmod, mkdir, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { projectFolder } from '../../scripts/setup-lib/paths.mjs';
import { readPrerequisites } from '../../scripts/setup-lib/prerequisites.mjs';
import { findSessionManagerPlugin, makeSessionManagerPlugin } from '../../scripts/setup-lib/session-manager.mjs';
import { tempFolder } from '../support/temp-folder.ts';

const NAME = 'session-manager-plugin';
const said: string[] = [];
const step = {
  at: () => undefined,
  say: (line: string) => void said.push(line),
  pause: () => undefined,
  end: () => undefined,
};

let folder = '';
let place: Parameters<typeof makeSessionManagerPlugin>[0];
beforeEach(async () => {
  folder = tempFolder();
  said.length = 0;
  const cache = join(folder, 'cache');
  await mkdir(cache);
  const python = { path: join(folder, 'no-python'), version: '3.11.2' };
  place = { project: projectFolder(), cache, needed: readPrerequisites(), python };
  // Not the system's folders: this machine may have a Go that would build for half a minute.
  vi.stubEnv('PATH', folder);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

async function install(version: string): Promise<string> {
  const path = join(folder, NAME);
  await writeFile(path, `#!/bin/sh\necho ${version}\n`);
  await chmod(path, 0o755);
  return path;
}

test('one in PATH that is new enough is used, and asked only once', async () => {
  const path = await install('1.2.707.0');
  expect(await findSessionManagerPlugin(place)).toBeNull();
  await makeSessionManagerPlugin(place, step);
  expect(await readlink(join(place.cache, 'session-manager', 'bin', NAME))).toBe(path);
  expect(await findSessionManagerPlugin(place)).toEqual({ version: '1.2.707.0', origin: `PATH, ${path}` });
});

test('another file in its place is looked at anew', async () => {
  await install('1.2.707.0');
  await makeSessionManagerPlugin(place, step);
  await install('1.2.1000.0');
  expect(await findSessionManagerPlugin(place)).toBeNull();
});

test('one that takes the token only on its command line is passed over, with the reason', async () => {
  const path = await install('1.2.497.0');
  await expect(makeSessionManagerPlugin(place, step)).rejects.toThrow(`AWS's ${NAME} could not be made here`);
  expect(said[0]).toBe(`passed over: ${path} is 1.2.497.0; needed is 1.2.536.0 or newer`);
  expect(await findSessionManagerPlugin(place)).toBeNull();
});
