import { readdir, rm, stat } from 'node:fs/promises';
import { release as runningRelease } from 'node:os';
import { aptInstall, areInstalled, heldPackages, installedPackages } from '../lib/apt.ts';
import type { Concern, Context } from '../lib/context.ts';
import { DOCKER_CONFIG, parseDaemonConfig } from '../lib/docker-config.ts';
import { download, requireSha256 } from '../lib/download.ts';
import { exists, installFiles, putFile, readText } from '../lib/files.ts';
import { requireKey } from '../lib/gpg.ts';
import { nvidiaDevices } from '../lib/gpus.ts';
import {
  driverMistakes,
  headerPackages,
  installerArguments,
  isModuleFor,
  kernelThatWillBoot,
  nvidiaConfigMistakes,
  packagesToHold,
  toolkitPackages,
} from '../lib/nvidia-decisions.ts';
import { checkEnabled, enableUnit, reloadUnits } from '../lib/systemd.ts';
import { ask, textOf, tool } from '../lib/tool.ts';

const BLACKLIST = '/etc/modprobe.d/ecs-host-nvidia.conf';
export const FILES = [
  BLACKLIST,
  '/etc/udev/rules.d/71-ecs-host-nvidia.rules',
  '/etc/systemd/system/ecs-host-nvidia.service',
  '/etc/systemd/system/ecs.service.d/30-ecs-host-nvidia.conf',
];

const UNIT = 'ecs-host-nvidia.service';
const KEY_FILE = '/etc/apt/keyrings/nvidia-container-toolkit.asc';
/** "NVIDIA CORPORATION (Open Source Projects) <cudatools@nvidia.com>", of the container toolkit's apt repository. */
const KEY_FINGERPRINT = 'C95B321B61E88C1809C4F759DDCAE044F796ECB0';
const SOURCE_LIST = '/etc/apt/sources.list.d/nvidia-container-toolkit.list';
const RUNTIME_CONFIG = '/etc/nvidia-container-runtime/config.toml';
const BUILD_PACKAGES = ['dkms', 'gcc', 'make', 'libc6-dev', 'pciutils'];

/** A machine without an agent has no unit that a drop-in could be for. */
function filesFor({ target }: Context): readonly string[] {
  return target.variant === 'host' ? FILES : FILES.filter((path) => !path.includes('/ecs.service.d/'));
}

async function bootRelease(): Promise<string> {
  return kernelThatWillBoot(await readdir('/boot'));
}

/** The ramdisk was made after the blacklist; a kernel that has none needs none. */
async function isInRamdisk(release: string): Promise<boolean> {
  const ramdisk = await stat(`/boot/initrd.img-${release}`).catch(() => null);
  return ramdisk === null || ramdisk.mtimeMs > (await stat(BLACKLIST)).mtimeMs;
}

async function isDriverThere(version: string, release: string): Promise<boolean> {
  const found = await ask`modinfo --set-version ${release} --field version nvidia`;
  if (found.exitCode !== 0 || found.stdout.trim() !== version) return false;
  const vermagic = await textOf`modinfo --set-version ${release} --field vermagic nvidia`;
  return isModuleFor(vermagic, release) && (await exists('/usr/bin/nvidia-smi'));
}

async function installDriver(nvidia: NonNullable<Context['target']['nvidia']>, release: string): Promise<void> {
  const file = '/var/tmp/ecs-host-nvidia.run';
  try {
    await download(nvidia.driverUrl, file);
    await requireSha256(file, nvidia.driverSha256);
    await tool`sh ${file} ${installerArguments(nvidia, release, runningRelease())}`;
    if (!(await isDriverThere(nvidia.driverVersion, release)))
      throw new Error(
        `the installer ended well, and kernel ${release} has no nvidia module of version ${nvidia.driverVersion}`,
      );
  } finally {
    await rm(file, { force: true });
  }
}

async function addRepository(): Promise<boolean> {
  if (!(await exists(KEY_FILE))) {
    const fetched = '/run/ecs-host-provision/nvidia.asc';
    await download('https://nvidia.github.io/libnvidia-container/gpgkey', fetched);
    await requireKey(fetched, KEY_FINGERPRINT);
    await putFile(KEY_FILE, (await readText(fetched)) ?? '');
  }
  return putFile(
    SOURCE_LIST,
    `deb [signed-by=${KEY_FILE}] https://nvidia.github.io/libnvidia-container/stable/deb/amd64 /\n`,
  );
}

async function hasRuntime(): Promise<boolean> {
  const { runtimes } = parseDaemonConfig(await readText(DOCKER_CONFIG)) as {
    runtimes?: Record<string, unknown>;
  };
  return runtimes?.['nvidia'] !== undefined && /^\s*mode\s*=\s*"cdi"/m.test((await readText(RUNTIME_CONFIG)) ?? '');
}

async function areHeld(): Promise<boolean> {
  const held = await heldPackages();
  return packagesToHold(await installedPackages()).every((name) => held.includes(name));
}

async function apply(context: Context): Promise<void> {
  const { nvidia } = context.target;
  if (nvidia === null) throw new Error('the profile has no GPU, and this provisioner was asked for all the same');
  await context.step('driver fits', {}, async () => {
    const mistakes = [...nvidiaConfigMistakes(nvidia), ...driverMistakes(nvidia, await nvidiaDevices())];
    if (mistakes.length > 0) throw new Error(mistakes.join('; '));
    return false;
  });
  const release = await bootRelease();
  const build = [...headerPackages(release), ...BUILD_PACKAGES].map((name) => ({ name }));
  await context.step(`headers of kernel ${release}`, { doneWhen: () => areInstalled(build) }, () => aptInstall(build));
  await context.step('no nouveau', {}, async () => {
    const isChanged = await installFiles(context, filesFor(context));
    if (!isChanged && (await isInRamdisk(release))) return false;
    await reloadUnits();
    // It is loaded from the initial ramdisk, where the blacklist has to be as well.
    await tool`update-initramfs -u -k ${release}`;
    return true;
  });
  await context.step(
    `driver ${nvidia.driverVersion} (${nvidia.kernelModule})`,
    { doneWhen: () => isDriverThere(nvidia.driverVersion, release) },
    () => installDriver(nvidia, release),
  );
  const toolkit = toolkitPackages(nvidia.containerToolkitVersion);
  await context.step('apt repository of the container toolkit', {}, addRepository);
  await context.step(
    `container toolkit ${nvidia.containerToolkitVersion}`,
    { doneWhen: () => areInstalled(toolkit) },
    () => aptInstall(toolkit),
  );
  // Merges into daemon.json. CDI hands devices to containers in their own specification, so that a daemon-reload does
  // not take them away.
  await context.step('runtime for Docker', { doneWhen: hasRuntime }, async () => {
    await tool`nvidia-ctk runtime configure --runtime=docker`;
    await tool`nvidia-ctk config --config-file ${RUNTIME_CONFIG} --in-place --set nvidia-container-runtime.mode=cdi`;
  });
  await context.step('devices at boot', {}, () => enableUnit(UNIT));
  await context.step('hold kernel and driver', { doneWhen: areHeld }, async () => {
    await tool`apt-mark hold ${packagesToHold(await installedPackages())}`;
  });
}

async function verify(context: Context): Promise<void> {
  const { nvidia } = context.target;
  const driver = {
    id: 'nvidia.driver',
    title: 'Driver of the kernel that will boot',
    expected: nvidia?.driverVersion ?? 'none',
  };
  const device = { id: 'nvidia.device', title: 'The driver sees the GPU', expected: nvidia?.driverVersion ?? 'none' };
  if (nvidia === null) {
    context.skip(driver, 'not here: the profile has no GPU');
    context.skip(device, 'not here: the profile has no GPU');
    return;
  }
  await context.look(driver, async () => {
    const release = await bootRelease();
    const isCorrect = await isDriverThere(nvidia.driverVersion, release);
    return { actual: isCorrect ? nvidia.driverVersion : `not for kernel ${release}`, isCorrect };
  });
  await context.look({ id: 'nvidia.held', title: 'Kernel and driver stay as they are', expected: 'held' }, async () => {
    const isCorrect = await areHeld();
    return { actual: isCorrect ? 'held' : 'not all held', isCorrect };
  });
  await context.look(
    { id: 'nvidia.runtime', title: 'Docker has the runtime, with CDI', expected: 'there' },
    async () => {
      const isCorrect = await hasRuntime();
      return { actual: isCorrect ? 'there' : 'not there', isCorrect };
    },
  );
  await checkEnabled(context, UNIT, 'nvidia.devices-at-boot');
  if (context.stage === 'bake')
    await context.look(
      { id: 'nvidia.no-baked-devices', title: 'No list of devices was frozen in the bake', expected: 'none' },
      async () => {
        const isThere = await exists('/etc/cdi/nvidia.yaml');
        return { actual: isThere ? '/etc/cdi/nvidia.yaml' : 'none', isCorrect: !isThere };
      },
    );
  if ((await nvidiaDevices()).length === 0) context.skip(device, 'not here: this machine has no NVIDIA GPU');
  else
    await context.look(device, async () => {
      const actual = (await textOf`nvidia-smi --query-gpu=driver_version --format=csv,noheader`).split('\n')[0] ?? '';
      return { actual, isCorrect: actual === nvidia.driverVersion };
    });
}

export const nvidia: Concern = { name: 'nvidia', apply, verify };
