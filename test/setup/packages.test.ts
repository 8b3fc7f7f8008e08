import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  installCommand,
  installPackages,
  missingPackages,
  rootPrefix,
  usesSudo,
  wantedPackages,
} from '../../scripts/setup-lib/packages.mjs';
import { readPrerequisites } from '../../scripts/setup-lib/prerequisites.mjs';
import { findCommand } from '../../scripts/setup-lib/probe.mjs';
import type { Step } from '../../scripts/setup-lib/progress.mjs';
import { tempFolder } from '../support/temp-folder.ts';

let folder: string;
beforeEach(() => {
  folder = tempFolder();
  vi.stubEnv('PATH', folder);
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

async function command(name: string, script = 'exit 0'): Promise<void> {
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, name), 0o755);
}
const wanted = [
  { name: 'two-tools', probes: ['ecs-host-a', 'ecs-host-b'], why: 'a reason' },
  { name: 'a-file', probes: ['/etc/os-release'], why: 'a reason' },
];
const silent: Step = { at: () => {}, say: () => {}, pause: () => {}, end: () => {} };

test('a package is missing until all that it brings is there', async () => {
  await command('ecs-host-a');
  expect((await missingPackages(wanted, null)).map(({ name }) => name)).toEqual(['two-tools']);
  await command('ecs-host-b');
  expect(await missingPackages(wanted, null)).toEqual([]);
});

test('the command for a person names every package', () => {
  expect(installCommand(wanted, true)).toBe(
    'sudo apt-get update && sudo apt-get install -y --no-install-recommends two-tools a-file',
  );
  expect(installCommand(wanted, false)).toBe(
    'apt-get update && apt-get install -y --no-install-recommends two-tools a-file',
  );
});

test('nobody is told to use sudo as root, or where there is none', async () => {
  const installed = (await findCommand('sudo')) !== null;
  expect(await usesSudo(0)).toBe(false);
  expect(await usesSudo(1000)).toBe(installed);
  await command('sudo');
  expect(await usesSudo(1000)).toBe(true);
});

test('root needs nothing; others use sudo without a question, or with one when somebody is there', async () => {
  expect(await rootPrefix({ uid: 0, interactive: false })).toEqual({ prefix: [], asks: false });
  expect(await rootPrefix({ uid: 1000, interactive: true })).toBeNull();
  await command('sudo', 'exit 1');
  expect(await rootPrefix({ uid: 1000, interactive: false })).toBeNull();
  expect(await rootPrefix({ uid: 1000, interactive: true })).toMatchObject({ asks: true });
  await command('sudo');
  expect(await rootPrefix({ uid: 1000, interactive: false })).toEqual({
    prefix: [join(folder, 'sudo'), '-n'],
    asks: false,
  });
});

test('without a way to root the packages are listed with the command, exit 2', async () => {
  vi.spyOn(process, 'getuid').mockReturnValue(1000);
  await expect(installPackages(wanted, silent, { interactive: false })).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringContaining('two-tools, a-file'),
    hint: expect.stringContaining(installCommand(wanted, await usesSudo())),
  });
});

test('a run on AWS needs no package that only the lab needs, and no Python where ffmpeg is there', () => {
  const names = (forLab: boolean, wantsEnvironment: boolean): string[] =>
    wantedPackages(readPrerequisites().packages, { forLab, wantsEnvironment }).map(({ name }) => name);
  expect(names(true, true)).toEqual(readPrerequisites().packages.map(({ name }) => name));
  const onAws = names(false, false);
  for (const name of [
    'systemd-container',
    'mmdebstrap',
    'nftables',
    'iproute2',
    'dpkg',
    'python3-venv',
    'qemu-system-x86',
  ])
    expect(onAws).not.toContain(name);
  for (const name of ['git', 'openssh-client', 'util-linux', 'ca-certificates']) expect(onAws).toContain(name);
  expect(names(false, true)).toContain('python3-venv');
});
