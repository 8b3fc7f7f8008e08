import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { isNewEnough } from '../../../lab/parts/nvidia-container-toolkit/go.ts';
import { controlOf, installed } from '../../../lab/parts/nvidia-container-toolkit/packages.ts';
import { nvidiaContainerToolkit, pinnedVersion } from '../../../lab/parts/nvidia-container-toolkit/toolkit.ts';
import { newerThanOldGlibc } from '../../../lab/parts/old-glibc/old-glibc.ts';

const FOLDER = join(import.meta.dirname, '../../../lab/parts/nvidia-container-toolkit');

/** As NVIDIA's packaging has it: marks of the packaging, of debhelper, and a continued description. */
const CONTROL = `Source: toolkit
Section: @SECTION@utils
Priority: optional
Maintainer: N <n@example.invalid>
Homepage: https://example.invalid

Package: toolkit
Architecture: any
Depends: \${misc:Depends}, toolkit-base (= @VERSION@), tools (<< 2.0.0)
Description: Toolkit
 Provides tools, and utilities.

Package: toolkit-base
Architecture: any
Depends: \${misc:Depends}
Description: Base
 Provides more.
`;

test('the toolkit is of the version that hosts.yaml has for its profiles', async () => {
  const hosts = await readFile(join(FOLDER, '../../../hosts.yaml'), 'utf8');
  const wanted = [...hosts.matchAll(/containerToolkitVersion: (\S+)/g)].map(([, version]) => version);
  const pinned = pinnedVersion(await readFile(join(FOLDER, 'go.mod'), 'utf8'));
  expect(new Set(wanted)).toEqual(new Set([`${pinned}-1`]));
  expect(() => pinnedVersion('module empty\n')).toThrow('does not pin');
});

test('a digest is of the sources, and the same while they are', async () => {
  expect(await nvidiaContainerToolkit.digest()).toBe(await nvidiaContainerToolkit.digest());
});

test('the fields of a package are those of its own packaging, with its version', () => {
  expect(controlOf(CONTROL, 'toolkit', '1.2.3-1')).toEqual({
    Package: 'toolkit',
    Architecture: 'amd64',
    Depends: 'toolkit-base (= 1.2.3-1), tools (<< 2.0.0)',
    Description: 'Toolkit\n Provides tools, and utilities.',
    Version: '1.2.3-1',
    Section: 'utils',
    Priority: 'optional',
    Maintainer: 'N <n@example.invalid>',
    Homepage: 'https://example.invalid',
  });
  expect(controlOf(CONTROL, 'toolkit-base', '1.2.3-1')).not.toHaveProperty('Depends');
  expect(() => controlOf(CONTROL, 'other', '1')).toThrow('no package other');
});

test('a list of files says which folder each goes to', () => {
  expect(installed('program /usr/bin\n\nunit.path   /lib/systemd/system/\nlast /usr/bin')).toEqual([
    { name: 'program', folder: '/usr/bin' },
    { name: 'unit.path', folder: '/lib/systemd/system/' },
    { name: 'last', folder: '/usr/bin' },
  ]);
});

test.each([
  ['go1.24.9', false],
  ['go1.25', true],
  ['go1.26.8', true],
  ['go2.0', true],
  ['', false],
])('Go %s compiles it: %s', (version, isFit) => {
  expect(isNewEnough(version)).toBe(isFit);
});

test('a program that wants a newer C library is found out', () => {
  expect(newerThanOldGlibc(Buffer.from('\0GLIBC_2.2.5\0GLIBC_2.31\0'))).toEqual([]);
  expect(newerThanOldGlibc(Buffer.from('\0GLIBC_2.38\0GLIBC_2.34\0GLIBC_2.34\0'))).toEqual(['2.34', '2.38']);
});

test("the stand-in for libnvidia-container takes the hook's words, and refuses others", async (context) => {
  const go = await execa('go', ['env', 'GOVERSION'], { reject: false });
  if (!isNewEnough(go.stdout ?? '')) context.skip('no Go 1.25 or newer on this machine');
  // Of the standard library alone, so that nothing is fetched.
  const env = { CGO_ENABLED: '0', GOPROXY: 'off', GOFLAGS: '-mod=readonly', GOWORK: 'off', GOTOOLCHAIN: 'local' };
  const tested = await execa('go', ['-C', FOLDER, 'test', './nvidia-container-cli/asked'], {
    reject: false,
    env,
    all: true,
  });
  expect(tested.all).toMatch(/^ok\s/);
});
