import type { Kernel } from './release.ts';

/**
 * Options that somebody reads: mkinitramfs which packings the kernel can unpack, DKMS the compiler and whether modules
 * are signed, the agent and Docker's own check what containers need.
 */
const BUILT_IN = [
  '64BIT',
  'X86_64',
  'SMP',
  'MODULES',
  'MODULE_UNLOAD',
  'CC_IS_GCC',
  'BLK_DEV_INITRD',
  'RD_GZIP',
  'RD_XZ',
  'RD_LZ4',
  'RD_ZSTD',
  'DEVTMPFS',
  'CGROUPS',
  'MEMCG',
  'NAMESPACES',
  'NET_NS',
  'PID_NS',
  'EXT4_FS',
  'OVERLAY_FS',
  'BRIDGE',
  'VETH',
  'PCI',
  'SECCOMP',
  'BLK_DEV_NVME',
  'XEN_BLKDEV_FRONTEND',
] as const;
const AS_MODULES = ['ENA_ETHERNET', 'DRM', 'DRM_NOUVEAU'] as const;
/** Vermagic says that symbols have no versions and modules no signature, and DKMS signs none. */
const OFF = ['MODVERSIONS', 'MODULE_SIG', 'MODULE_SIG_FORCE'] as const;

/** Pure: /boot/config-<release>, also `.config` of the headers. */
export function configText({ release }: Kernel): string {
  return [
    '#',
    `# Linux/x86 ${release} Kernel Configuration (the lab's stand-in)`,
    '#',
    'CONFIG_CC_VERSION_TEXT="gcc (the lab\'s stand-in)"',
    `CONFIG_LOCALVERSION=""`,
    ...BUILT_IN.map((name) => `CONFIG_${name}=y`),
    ...AS_MODULES.map((name) => `CONFIG_${name}=m`),
    ...OFF.map((name) => `# CONFIG_${name} is not set`),
    '',
  ].join('\n');
}

/** Pure: the same for the compiler. */
export function autoconfText(): string {
  return [
    '/* Generated with the configuration. */',
    ...BUILT_IN.map((name) => `#define CONFIG_${name} 1`),
    ...AS_MODULES.map((name) => `#define CONFIG_${name}_MODULE 1`),
    '',
  ].join('\n');
}

/** Pure: LINUX_VERSION_CODE of `5.15.0`, and the macro that compares with it. */
export function versionHeader({ base }: Kernel): string {
  const [major = 0, minor = 0, patch = 0] = base.split('.').map(Number);
  return [
    `#define LINUX_VERSION_CODE ${(major << 16) + (minor << 8) + patch}`,
    '#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + ((c) > 255 ? 255 : (c)))',
    `#define LINUX_VERSION_MAJOR ${major}`,
    `#define LINUX_VERSION_PATCHLEVEL ${minor}`,
    `#define LINUX_VERSION_SUBLEVEL ${patch}`,
    '',
  ].join('\n');
}
