import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kernelPart } from '../../lab/parts/kernel/kernel.ts';
import { kernelOf } from '../../lab/parts/kernel/release.ts';
import { nvidiaDriver, runFileName } from '../../lab/parts/nvidia-driver/nvidia-driver.ts';
import { ensurePart } from '../../lab/parts/part.ts';
import { labPaths } from '../../lab/paths.ts';
import { installerArguments } from '../../provisioners/lib/nvidia-decisions.ts';
import { sharedTempFolder } from '../support/temp-folder.ts';
import { type MachineLab, shell, startMachineLab } from './machine-lab.ts';

/**
 * A machine with a GPU: who takes it at boot, the driver's installer with the arguments that provisioners give it, real
 * DKMS and initial ramdisk on the kernel's packages, and faults of a machine that runs.
 */
const ONE = 'i-0000000000000e2e4';
const VERSION = '580.178.04';
const { release } = kernelOf('focal');
const GPU = '/sys/bus/pci/devices/0000:00:1e.0';

const folder = sharedTempFolder();
const keyFile = join(folder, 'key');
let lab: MachineLab;
let one: ReturnType<typeof shell>;
let address: string;

/** No libraries: they are of no concern to the installer. */
const userland = {
  name: 'nvidia-userland-none',
  substitution: { component: 'nvidia-userland', source: 'a test', reason: 'a test' },
  digest: async () => 'none',
  build: async ({ folder: into }: { readonly folder: string }) => {
    const files = [{ name: 'nvidia-smi', mode: '0755', target: '/usr/bin/nvidia-smi' }];
    await writeFile(join(into, 'nvidia-smi'), '#!/bin/sh\n');
    await writeFile(join(into, 'part.json'), JSON.stringify({ files, links: [] }));
  },
};

const nvidia = { driverVersion: VERSION, kernelModule: 'proprietary' } as Parameters<typeof installerArguments>[0];
const given = installerArguments(nvidia, release, 'the one that runs');
function install(options: readonly string[]) {
  return one.try(`sudo sh ${runFileName({ version: VERSION, kind: 'data-center' })} ${options.join(' ')}`);
}

beforeAll(async () => {
  await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', keyFile]);
  process.env['ECS_HOST_STATE'] = join(folder, 'state');
  await mkdir(join(folder, 'state'));
  lab = await startMachineLab(keyFile);
  address = await lab.launch(ONE, { gpus: [{ name: 'M60', count: 1, memoryMiB: 8192 }] });
  one = shell(address, keyFile);
  await one.untilUp();
  const { cache } = await labPaths();
  const parts = [kernelPart('focal'), nvidiaDriver({ version: VERSION, kind: 'data-center', userland })];
  const folders = await Promise.all(parts.map((part) => ensurePart(part, cache, () => {})));
  for (const from of folders) {
    const files = (await readdir(from)).filter((name) => name !== 'part.json').map((name) => join(from, name));
    const options = ['BatchMode=yes', 'StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null'];
    await execa('scp', [
      '-q',
      '-i',
      keyFile,
      ...options.flatMap((one_) => ['-o', one_]),
      ...files,
      `admin@${address}:`,
    ]);
  }
  const packages = 'dkms gcc make libc6-dev initramfs-tools pciutils';
  await one.run('sudo apt-get update --quiet');
  await one.run(`sudo env DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends ${packages}`);
});

afterAll(async () => {
  await lab?.close();
});

async function reboot(): Promise<void> {
  await lab.machines.reboot(ONE);
  await expect.poll(() => lab.machines.status(ONE)).toBe('running');
  await one.untilUp();
}

test('the GPU is on the bus, and nobody has it', async () => {
  expect(await one.run('lspci -n')).toBe('00:1e.0 0302: 10de:13f2 (rev a1)');
  expect(await one.run(`cat ${GPU}/lab_gpu`)).toContain('name=Tesla M60');
  expect((await one.try(`readlink ${GPU}/driver`)).exitCode).toBe(1);
  await one.run('sudo mknod /dev/nvidia0 c 195 0 && test -c /dev/nvidia0');
});

test('without headers there is nothing to build', async () => {
  const { exitCode, all } = await install(given);
  expect([exitCode, all]).toEqual([1, expect.stringContaining(`linux-headers-${release}`)]);
});

test('the kernel is what apt, depmod and initramfs-tools take for one', async () => {
  await one.run('sudo apt-get install -yq --allow-downgrades ./linux-*.deb');
  expect(await one.run('readlink /boot/initrd.img')).toBe(`initrd.img-${release}`);
  await one.run(`sudo update-initramfs -u -k ${release}`);
  expect(await one.run(`/sbin/modinfo -k ${release} -F vermagic nouveau`)).toMatch(release);
});

test('where nobody forbids it, nouveau has the GPU after a boot, and the installer refuses', async () => {
  await reboot();
  expect(await one.run(`readlink ${GPU}/driver`)).toMatch(/\/nouveau$/);
  const { exitCode, all } = await install(given.filter((option) => option !== '--no-nouveau-check'));
  expect([exitCode, all]).toEqual([1, expect.stringContaining('Nouveau kernel driver is currently in use')]);
  await one.run('grep -qx "blacklist nouveau" /etc/modprobe.d/nvidia-installer-disable-nouveau.conf');
  await reboot();
  expect((await one.try(`readlink ${GPU}/driver`)).exitCode).toBe(1);
});

test("the provisioners' arguments leave a driver that DKMS has installed, and once more", async () => {
  for (const attempt of ['first', 'second']) {
    expect(await install(given), attempt).toMatchObject({ exitCode: 0 });
    expect(await one.run('sudo dkms status')).toMatch(new RegExp(`nvidia/${VERSION}, ${release}, x86_64: installed`));
  }
  expect(await one.run(`/sbin/modinfo --set-version ${release} --field version nvidia`)).toBe(VERSION);
  expect(await one.run(`/sbin/modinfo --set-version ${release} --field depends nvidia-drm`)).toContain(
    'nvidia_modeset',
  );
  await one.run(`sudo dkms uninstall -m nvidia -v ${VERSION} -k ${release} && sudo dkms autoinstall -k ${release}`);
  expect(await one.run('sudo dkms status')).toContain(': installed');
});

test.each([
  ['no root', 'sh', given, 'must be run as root'],
  ['an unknown option', 'sudo sh', [...given, '--kernel-flavour=aws'], 'unrecognized option'],
  [
    'an attempt to load it',
    'sudo sh',
    given.filter((one_) => !/load|kernel-name/.test(one_)),
    'Unable to load the kernel module',
  ],
  ['no compiler', 'sudo env CC=/none sh', given, 'CC sanity check failed'],
])('%s is refused', async (_, how, options, why) => {
  const { exitCode, all } = await one.try(`${how} NVIDIA-Linux-*.run ${options.join(' ')}`);
  expect([exitCode, all]).toEqual([1, expect.stringContaining(why)]);
});

test('faults show on a machine that runs, and outlive a reboot', async () => {
  const fault = { fault: 'fell-off-bus', slot: null, model: null } as const;
  await lab.machines.setGpuFaults(ONE, [fault]);
  expect(await one.run('lspci -n')).toContain('(rev ff)');
  await reboot();
  expect(await one.run(`cat ${GPU}/lab_gpu`)).toContain('state=fell-off-bus');
  await lab.machines.setGpuFaults(ONE, [{ ...fault, fault: 'no-device' }]);
  expect(await one.run('lspci -n')).toBe('');
  await lab.machines.setGpuFaults(ONE, []);
  expect(await one.run('lspci -n')).toContain('13f2 (rev a1)');
});
