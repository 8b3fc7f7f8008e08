import type { TargetConfig } from '#contracts/target-config.ts';

type Nvidia = NonNullable<TargetConfig['nvidia']>;

/** Pure: orders kernel releases as boot loaders do: runs of digits by value, everything else by character. */
export function compareReleases(a: string, b: string): number {
  const parts = (release: string): string[] => release.match(/\d+|\D+/g) ?? [];
  const [left, right] = [parts(a), parts(b)];
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const [one = '', other = ''] = [left[at], right[at]];
    if (one === other) continue;
    const bothNumbers = /^\d/.test(one) && /^\d/.test(other);
    return bothNumbers ? Number(one) - Number(other) : one < other ? -1 : 1;
  }
  return 0;
}

/**
 * Pure: the kernel that the next boot takes, which need not be the one that runs: GRUB's first entry is the newest in
 * /boot.
 *
 * @param images file names in /boot
 * @throws Error when there is no kernel at all
 */
export function kernelThatWillBoot(images: readonly string[]): string {
  const releases = images.flatMap((name) => (name.startsWith('vmlinuz-') ? [name.slice('vmlinuz-'.length)] : []));
  const newest = releases
    .filter((release) => /^\d/.test(release))
    .sort(compareReleases)
    .at(-1);
  if (newest === undefined)
    throw new Error('there is no kernel in /boot: a driver module cannot be built for the next boot');
  return newest;
}

/**
 * Pure: the packages with the headers of a kernel; the module is built against these, and against no meta package's
 * newer ones.
 */
export function headerPackages(release: string): readonly string[] {
  return [`linux-headers-${release}`];
}

/**
 * The first PCI device id of Turing (TU102), the first generation that the open kernel module drives. Ids grow with the
 * generations.
 */
const FIRST_TURING_DEVICE = 0x1e00;
/** R580 is the last branch for Maxwell (0x1340-0x17ff), Pascal and Volta. */
const LAST_BRANCH_BEFORE_TURING = 580;

/**
 * Pure: what makes a driver impossible for the GPUs of this machine; empty when it fits.
 *
 * @param devices PCI device ids, for example 0x13f2 for g3s.xlarge's Tesla M60, 0x1eb8 for g4dn's T4
 */
export function driverMistakes(nvidia: Nvidia, devices: readonly number[]): readonly string[] {
  const branch = Number(nvidia.driverVersion.split('.')[0]);
  const mistakes: string[] = [];
  const old = devices.filter((device) => device < FIRST_TURING_DEVICE).map((device) => device.toString(16));
  if (old.length > 0 && nvidia.kernelModule === 'open')
    mistakes.push(`the GPU 10de:${old.join(', 10de:')} is older than Turing, which has no open kernel module`);
  if (old.length > 0 && branch > LAST_BRANCH_BEFORE_TURING)
    mistakes.push(
      `the GPU 10de:${old.join(', 10de:')} is driven up to R${LAST_BRANCH_BEFORE_TURING}, and this is R${branch}`,
    );
  if (nvidia.kernelModule === 'open' && branch < 515) mistakes.push(`R${branch} has no open kernel module`);
  return mistakes;
}

/** Pure: the options of the kernel module; empty when there are none. */
export function moduleOptions({ withoutFirmware }: Nvidia): string {
  return withoutFirmware ? 'options nvidia NVreg_EnableGpuFirmware=0\n' : '';
}

/** Pure: whether the fields that say the same thing agree. */
export function nvidiaConfigMistakes(nvidia: Nvidia): readonly string[] {
  const mistakes: string[] = [];
  if (!nvidia.driverVersion.startsWith(`${nvidia.driverBranch}.`))
    mistakes.push(`driver ${nvidia.driverVersion} is not of branch ${nvidia.driverBranch}`);
  if (!nvidia.driverUrl.includes(nvidia.driverVersion))
    mistakes.push(`the driver's URL does not name ${nvidia.driverVersion}`);
  if (!nvidia.driverUrl.startsWith('https://')) mistakes.push("the driver's URL is not https");
  if (!/^[0-9a-f]{64}$/.test(nvidia.driverSha256)) mistakes.push("the driver's sha256 is not 64 hex digits");
  return mistakes;
}

/**
 * Pure: arguments of NVIDIA's installer. DKMS, so that a rebuilt kernel gets a rebuilt module; for the kernel that will
 * boot.
 */
export function installerArguments(nvidia: Nvidia, release: string, runningRelease: string): readonly string[] {
  const branch = Number(nvidia.driverVersion.split('.')[0]);
  const moduleType =
    branch >= 560
      ? [`--kernel-module-type=${nvidia.kernelModule}`]
      : branch >= 515
        ? [`--kernel-module-build-directory=${nvidia.kernelModule === 'open' ? 'kernel-open' : 'kernel'}`]
        : [];
  return [
    '--silent',
    '--dkms',
    '--no-x-check',
    '--no-nouveau-check',
    '--no-install-compat32-libs',
    ...moduleType,
    `--kernel-name=${release}`,
    `--kernel-source-path=/lib/modules/${release}/build`,
    // A module for another kernel than the running one cannot be loaded to try it.
    ...(release === runningRelease ? [] : ['--skip-module-load']),
  ];
}

const HELD = [
  /^linux-aws/,
  /^linux-(image|headers|modules|modules-extra)-/,
  /^linux-(image|headers)$/,
  /^nvidia-/,
  /^libnvidia-/,
];

/** Pure: installed packages that must not move under the driver: kernels, their headers, and all of NVIDIA's. */
export function packagesToHold(installed: readonly string[]): readonly string[] {
  return [...new Set(installed.filter((name) => HELD.some((pattern) => pattern.test(name))))].sort();
}

/** Packages of the container toolkit; all of one version, or apt mixes them. */
export function toolkitPackages(version: string): readonly { readonly name: string; readonly version: string }[] {
  return [
    'nvidia-container-toolkit',
    'nvidia-container-toolkit-base',
    'libnvidia-container-tools',
    'libnvidia-container1',
  ].map((name) => ({ name, version }));
}

/** Pure: release and version as the first words of `modinfo -F vermagic` and `-F version` say. */
export function isModuleFor(vermagic: string, release: string): boolean {
  return vermagic.trim().split(/\s+/)[0] === release;
}
