import { readdir, rm, stat } from 'node:fs/promises';
import { release as runningRelease } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { heldPackages, installedPackages, installedVersions } from '../lib/apt.ts';
import type { Concern, Context, Package, Put, Puts, Repository } from '../lib/context.ts';
import { DOCKER_CONFIG, parseDaemonConfig } from '../lib/docker-config.ts';
import { download, requireSha256 } from '../lib/download.ts';
import { exists, installFiles, putFile, readText } from '../lib/files.ts';
import { nvidiaDevices } from '../lib/gpus.ts';
import {
  driverMistakes,
  headerPackages,
  installerArguments,
  isModuleFor,
  kernelThatWillBoot,
  moduleOptions,
  nvidiaConfigMistakes,
  packagesToHold,
  toolkitPackages,
} from '../lib/nvidia-decisions.ts';
import { dkmsState, licenceIn, offersCdi, runtimeMode, whyNotHere } from '../lib/nvidia-states.ts';
import { putsAllEnabled, putsFile, putsFiles, putsMasked } from '../lib/puts.ts';
import {
  activeState,
  checkEnabled,
  disableUnits,
  enableUnit,
  maskUnits,
  reloadUnits,
  showUnit,
  unitFileState,
} from '../lib/systemd.ts';
import { ask, textOf, tool } from '../lib/tool.ts';
import { trusted } from '../lib/trusted.ts';

type Nvidia = NonNullable<Context['target']['nvidia']>;

const BLACKLIST = '/etc/modprobe.d/ecs-host-nvidia.conf';
export const FILES = [
  BLACKLIST,
  '/etc/udev/rules.d/71-ecs-host-nvidia.rules',
  '/etc/systemd/system/ecs-host-nvidia.service',
  '/etc/systemd/system/ecs.service.d/30-ecs-host-nvidia.conf',
];

const MODULE_OPTIONS = '/etc/modprobe.d/ecs-host-nvidia-options.conf';
const UNIT = 'ecs-host-nvidia.service';
/** The toolkit's own writers of the file that our unit writes, before Docker and in order (docs/decisions/0169). */
const OTHER_WRITERS = ['nvidia-cdi-refresh.path', 'nvidia-cdi-refresh.service'];
/** `auto` is CDI for the runtime, which ECS and `--runtime nvidia` take, and the older way for `--gpus`. */
const RUNTIME_MODE = 'auto';
const KEY_FILE = '/etc/apt/keyrings/nvidia-container-toolkit.asc';
const RUNTIME_CONFIG = '/etc/nvidia-container-runtime/config.toml';
const BUILD_PACKAGES = ['dkms', 'gcc', 'make', 'libc6-dev', 'pciutils'];

/** A machine without an agent has no unit that a drop-in could be for. */
function filesFor({ variant }: Context['target']): readonly string[] {
  return variant === 'host' ? FILES : FILES.filter((path) => !path.includes('/ecs.service.d/'));
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

/** What DKMS has of the module for a kernel; its registration is only a warning in the installer's log. */
async function dkmsOf(version: string, release: string): Promise<string> {
  return dkmsState((await ask`dkms status`).stdout, 'nvidia', version, release);
}

async function isDriverComplete(version: string, release: string): Promise<boolean> {
  return (await isDriverThere(version, release)) && (await dkmsOf(version, release)) === 'installed';
}

async function installDriver(nvidia: Nvidia, release: string): Promise<void> {
  const file = '/var/tmp/ecs-host-nvidia.run';
  try {
    await download(nvidia.driverUrl, file);
    await requireSha256(file, nvidia.driverSha256);
    await tool`sh ${file} ${installerArguments(nvidia, release, runningRelease())}`;
    if (!(await isDriverThere(nvidia.driverVersion, release)))
      throw new Error(
        `the installer ended well, and kernel ${release} has no nvidia module of version ${nvidia.driverVersion}`,
      );
    const state = await dkmsOf(nvidia.driverVersion, release);
    if (state !== 'installed')
      throw new Error(`the installer ended well, and DKMS has nvidia ${nvidia.driverVersion} for ${release}: ${state}`);
  } finally {
    await rm(file, { force: true });
  }
}

function repository({ target }: Pick<Context, 'target'>): Repository {
  return {
    name: "NVIDIA's container toolkit",
    keyUrl: 'https://nvidia.github.io/libnvidia-container/gpgkey',
    fingerprint: trusted(target, 'nvidiaContainerToolkit').fingerprint,
    keyFile: KEY_FILE,
    sourceList: '/etc/apt/sources.list.d/nvidia-container-toolkit.list',
    source: `deb [signed-by=${KEY_FILE}] https://nvidia.github.io/libnvidia-container/stable/deb/amd64 /\n`,
  };
}

/** What of the three ways to a GPU is not there yet; empty when all are. */
async function runtimeLacks(): Promise<readonly string[]> {
  const daemon = parseDaemonConfig(await readText(DOCKER_CONFIG));
  const mode = runtimeMode((await readText(RUNTIME_CONFIG)) ?? '');
  return [
    ...((daemon['runtimes'] as Record<string, unknown> | undefined)?.['nvidia'] === undefined
      ? ['no runtime nvidia']
      : []),
    ...(offersCdi(daemon) ? [] : ['no CDI in Docker']),
    ...(mode === RUNTIME_MODE ? [] : [`mode ${mode ?? 'not set'}`]),
  ];
}

/** Masked and not running, where this version of the toolkit has them. */
async function otherWriters(): Promise<readonly string[]> {
  const found: string[] = [];
  for (const unit of OTHER_WRITERS) {
    const isShut = /^(masked|not-found)$/.test(await unitFileState(unit));
    if (!isShut || (await activeState(unit)) === 'active') found.push(unit);
  }
  return found;
}

/** No file where there is nothing to say. */
async function putOptions(nvidia: Nvidia): Promise<boolean> {
  const options = moduleOptions(nvidia);
  if (options !== '') return putFile(MODULE_OPTIONS, options);
  const isThere = await exists(MODULE_OPTIONS);
  if (isThere) await rm(MODULE_OPTIONS);
  return isThere;
}

async function areHeld(): Promise<boolean> {
  const held = await heldPackages();
  return packagesToHold(await installedPackages()).every((name) => held.includes(name));
}

function ofTarget({ target }: Pick<Context, 'target'>): Nvidia {
  if (target.nvidia === null)
    throw new Error('the profile has no GPU, and this provisioner was asked for all the same');
  return target.nvidia;
}

async function prepare(context: Context): Promise<void> {
  const nvidia = ofTarget(context);
  await context.step('driver fits', {}, async () => {
    const mistakes = [...nvidiaConfigMistakes(nvidia), ...driverMistakes(nvidia, await nvidiaDevices())];
    if (mistakes.length > 0) throw new Error(mistakes.join('; '));
    return false;
  });
}

/** What the driver is built with, for the kernel that will boot, and the toolkit. */
async function packages(context: Context): Promise<readonly Package[]> {
  const build = [...headerPackages(await bootRelease()), ...BUILD_PACKAGES].map((name) => ({ name }));
  return [...build, ...toolkitPackages(ofTarget(context).containerToolkitVersion)];
}

async function downloads(context: Context): Promise<readonly string[]> {
  const { driverVersion, driverUrl } = ofTarget(context);
  return (await isDriverComplete(driverVersion, await bootRelease())) ? [] : [driverUrl];
}

async function apply(context: Context): Promise<void> {
  const nvidia = ofTarget(context);
  const release = await bootRelease();
  await context.step('no nouveau', {}, async () => {
    const isChanged = await installFiles(context, filesFor(context.target));
    if (!isChanged && (await isInRamdisk(release))) return false;
    await reloadUnits();
    // It is loaded from the initial ramdisk, where the blacklist has to be as well.
    await tool`update-initramfs -u -k ${release}`;
    return true;
  });
  await context.step(
    `driver ${nvidia.driverVersion} (${nvidia.kernelModule})`,
    { doneWhen: () => isDriverComplete(nvidia.driverVersion, release) },
    () => installDriver(nvidia, release),
  );
  await context.step('options of the kernel module', {}, async () => putOptions(nvidia));
  await context.step('one writer of the description of devices', {}, async () => {
    // A masked one cannot be disabled: what enabled it would stay.
    const isDisabled = await disableUnits(OTHER_WRITERS);
    return (await maskUnits(OTHER_WRITERS)) || isDisabled;
  });
  // Merges into daemon.json. Docker before 28.2 takes CDI devices only when it is told to.
  const isReady = async (): Promise<boolean> => (await runtimeLacks()).length === 0;
  await context.step('runtime for Docker', { doneWhen: isReady }, async () => {
    await tool`nvidia-ctk runtime configure --runtime=docker --cdi.enabled`;
    await tool`nvidia-ctk config --config-file ${RUNTIME_CONFIG} --in-place --set nvidia-container-runtime.mode=${RUNTIME_MODE}`;
  });
  await context.step('devices at boot', {}, () => enableUnit(UNIT));
  await context.step('hold kernel and driver', { doneWhen: areHeld }, async () => {
    await tool`apt-mark hold ${packagesToHold(await installedPackages())}`;
  });
}

/** What the installer and DKMS leave; which files that are, the installer's own log says. */
function putsDriver({ driverVersion }: Nvidia): readonly Put[] {
  const tree = (path: string, by: string): Put => ({ path: `${path}/**`, kind: 'folder', rule: 'tree', by });
  const installer = "NVIDIA's installer";
  return [
    { path: '/var/lib/nvidia/log', kind: 'file', rule: 'installer-log', by: installer },
    tree('/var/lib/nvidia', installer),
    tree(`/usr/src/nvidia-${driverVersion}`, installer),
    tree('/var/lib/dkms/nvidia', 'DKMS'),
    // Of the kernel that the base image has, or its packages bring.
    tree('/usr/lib/modules/*/updates/dkms', 'DKMS'),
  ];
}

const puts: Puts = (target, carried) => {
  const nvidia = ofTarget({ target });
  const options = moduleOptions(nvidia);
  const mode = { rule: 'runtime-mode', expected: RUNTIME_MODE, by: 'nvidia-ctk' } as const;
  return [
    ...putsFiles(carried, filesFor(target)),
    ...(options === '' ? [] : [putsFile(MODULE_OPTIONS, options)]),
    ...putsMasked(OTHER_WRITERS),
    { path: RUNTIME_CONFIG, kind: 'file', ...mode },
    ...putsAllEnabled(carried, [UNIT]),
    ...putsDriver(nvidia),
  ];
};

async function verifyDriver(context: Context, nvidia: Nvidia, release: string): Promise<void> {
  const version = nvidia.driverVersion;
  await context.look(
    { id: 'nvidia.driver', title: 'Driver of the kernel that will boot', expected: version },
    async () => {
      const isCorrect = await isDriverThere(version, release);
      return { actual: isCorrect ? version : `not for kernel ${release}`, isCorrect };
    },
  );
  await context.look(
    { id: 'nvidia.dkms', title: 'DKMS has the module, for kernels to come', expected: 'installed' },
    async () => {
      const actual = await dkmsOf(version, release);
      return { actual, isCorrect: actual === 'installed' };
    },
  );
  await context.look({ id: 'nvidia.held', title: 'Kernel and driver stay as they are', expected: 'held' }, async () => {
    const isCorrect = await areHeld();
    return { actual: isCorrect ? 'held' : 'not all held', isCorrect };
  });
}

async function checkToolkitVersion(context: Context, { containerToolkitVersion: version }: Nvidia): Promise<void> {
  await context.look(
    { id: 'nvidia.toolkit', title: 'All of the toolkit is of the version in the plan', expected: version },
    async () => {
      const wanted = toolkitPackages(version).map(({ name }) => name);
      const found = await installedVersions(wanted);
      const others = wanted.flatMap((name) => {
        const there = found.get(name) ?? 'not installed';
        return there === version ? [] : [`${name} ${there}`];
      });
      return { actual: others.join(', ') || version, isCorrect: others.length === 0 };
    },
  );
}

/**
 * An agent that starts before the devices are there registers a GPU host with no GPU. A dev host has none, and neither
 * has the slow layer.
 */
export async function checkAgentWaits(context: Context): Promise<void> {
  if (!context.target.provisioners.includes('ecs-agent')) return;
  await context.look(
    { id: 'nvidia.agent-after-devices', title: 'The agent starts once the devices are there', expected: 'after them' },
    async () => {
      const { After = '', Requires = '' } = await showUnit('ecs.service', ['After', 'Requires']);
      const isCorrect = [After, Requires].every((units) => units.split(' ').includes(UNIT));
      return { actual: isCorrect ? 'after them' : `it does not wait for ${UNIT}`, isCorrect };
    },
  );
}

async function verifyToolkit(context: Context): Promise<void> {
  await context.look(
    { id: 'nvidia.runtime', title: 'Docker has the runtime and CDI, the runtime its own choice', expected: 'there' },
    async () => {
      const lacks = await runtimeLacks();
      return { actual: lacks.join(', ') || 'there', isCorrect: lacks.length === 0 };
    },
  );
  await checkEnabled(context, UNIT, 'nvidia.devices-at-boot');
  await context.look(
    { id: 'nvidia.one-writer', title: "Nothing but ours writes the devices' description", expected: 'none' },
    async () => {
      const found = await otherWriters();
      return { actual: found.join(', ') || 'none', isCorrect: found.length === 0 };
    },
  );
  // Who set up a machine of their own may have made one before.
  if (context.stage !== 'set-up')
    await context.look(
      { id: 'nvidia.no-baked-devices', title: 'No list of devices was frozen in the bake', expected: 'none' },
      async () => {
        const isThere = await exists('/etc/cdi/nvidia.yaml');
        return { actual: isThere ? '/etc/cdi/nvidia.yaml' : 'none', isCorrect: !isThere };
      },
    );
}

/** What only a machine with a GPU and a loaded driver can answer; persistence and modeset come with our unit. */
async function verifyDevice(context: Context, nvidia: Nvidia, release: string): Promise<void> {
  const device = { id: 'nvidia.device', title: 'The driver sees the GPU', expected: nvidia.driverVersion };
  const persistence = {
    id: 'nvidia.persistence',
    title: 'The driver stays loaded between containers',
    expected: 'Enabled',
  };
  const modeset = { id: 'nvidia.modeset', title: 'The device that OpenGL and Vulkan need is there', expected: 'there' };
  const why = whyNotHere({
    gpus: (await nvidiaDevices()).length,
    stage: context.stage,
    bootRelease: release,
    runningRelease: runningRelease(),
  });
  if (why.device !== null) context.skip(device, why.device);
  else
    await context.look(device, async () => {
      const actual = (await textOf`nvidia-smi --query-gpu=driver_version --format=csv,noheader`).split('\n')[0] ?? '';
      return { actual, isCorrect: actual === nvidia.driverVersion };
    });
  if (why.unit !== null) {
    context.skip(persistence, why.unit);
    context.skip(modeset, why.unit);
    return;
  }
  await context.look(persistence, async () => {
    const said = await textOf`nvidia-smi --query-gpu=persistence_mode --format=csv,noheader`;
    const modes = [...new Set(said.split('\n'))];
    return { actual: modes.join(', '), isCorrect: modes.length === 1 && modes[0] === 'Enabled' };
  });
  await context.look(modeset, async () => {
    const isCorrect = await exists('/dev/nvidia-modeset');
    return { actual: isCorrect ? 'there' : 'not there', isCorrect };
  });
}

/** AWS gives the licence to its instances; the driver fetches it in its first seconds. */
const LICENCE_TRIES = 30;

async function verifyLicence(context: Context, nvidia: Nvidia): Promise<void> {
  const { kind } = nvidia;
  const licence = { id: 'nvidia.licence', title: 'The GRID driver has its licence', expected: 'Licensed' };
  const hasGpu = (await nvidiaDevices()).length > 0;
  if (kind !== 'grid') return context.skip(licence, 'not here: the driver is the one for servers, which needs none');
  if (context.stage !== 'booted') return context.skip(licence, 'a boot fetches it');
  if (!hasGpu) return context.skip(licence, 'not here: this machine has no NVIDIA GPU');
  return context.look(licence, async () => {
    let actual = licenceIn(await textOf`nvidia-smi -q`) ?? 'none';
    for (let tries = 1; tries < LICENCE_TRIES && !actual.startsWith('Licensed'); tries += 1) {
      await sleep(1000);
      actual = licenceIn(await textOf`nvidia-smi -q`) ?? 'none';
    }
    return { actual, isCorrect: /^Licensed[^,]*$/.test(actual) };
  });
}

async function verify(context: Context): Promise<void> {
  const { nvidia } = context.target;
  if (nvidia === null) {
    const reason = 'not here: the profile has no GPU';
    context.skip({ id: 'nvidia.driver', title: 'Driver of the kernel that will boot', expected: 'none' }, reason);
    context.skip({ id: 'nvidia.device', title: 'The driver sees the GPU', expected: 'none' }, reason);
    return;
  }
  const release = await bootRelease();
  await verifyDriver(context, nvidia, release);
  await checkToolkitVersion(context, nvidia);
  await verifyToolkit(context);
  await checkAgentWaits(context);
  await verifyDevice(context, nvidia, release);
  await verifyLicence(context, nvidia);
}

export const nvidia: Concern = {
  name: 'nvidia',
  repository,
  downloads,
  prepare,
  packages,
  puts,
  apply,
  verify,
};
