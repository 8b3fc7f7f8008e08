import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readPrerequisites } from '../../scripts/setup-lib/prerequisites.mjs';
import { findPackerOnPath, findToolchain } from '../../scripts/setup-lib/toolchain.mjs';
import { tempFolder } from '../support/temp-folder.ts';

const needed = readPrerequisites();

describe('a Packer in PATH', () => {
  let folder: string;
  let cache: string;
  beforeEach(async () => {
    folder = tempFolder();
    cache = join(folder, 'cache');
    await mkdir(cache);
    vi.stubEnv('PATH', `${folder}:/usr/bin:/bin`);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  const install = async (path: string, script: string): Promise<void> => {
    await writeFile(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
  };

  test.for(['1.12.0', '1.14.2'])('of version %s is used', async (version) => {
    await install(join(folder, 'packer'), `echo "Packer v${version}"`);
    const found = await findPackerOnPath(needed, cache);
    expect(found.passedOver).toBeNull();
    expect(found.fitting).toMatchObject({ path: join(folder, 'packer'), version });
  });

  test.for(['1.8.7', '2.0.0'])('of version %s is passed over, with the reason', async (version) => {
    await install(join(folder, 'packer'), `echo "Packer v${version}"`);
    const found = await findPackerOnPath(needed, cache);
    expect(found.fitting).toBeNull();
    expect(found.passedOver).toBe(`${join(folder, 'packer')} is ${version}; needed is 1.12.0 or newer, below 2.0.0`);
  });

  test('that is another program is passed over', async () => {
    await install(join(folder, 'packer'), 'exit 1');
    expect((await findPackerOnPath(needed, cache)).passedOver).toContain('of an unknown version');
  });

  test('that is our own, from the cache, does not count', async () => {
    await install(join(cache, 'packer'), 'echo "Packer v1.12.0"');
    vi.stubEnv('PATH', `${cache}:/usr/bin:/bin`);
    expect(await findPackerOnPath(needed, cache)).toEqual({ fitting: null, passedOver: null });
  });

  test('an empty cache holds no toolchain', async () => {
    const project = join(import.meta.dirname, '..', '..');
    expect(await findToolchain({ project, cache, needed })).toBeNull();
  });
});
