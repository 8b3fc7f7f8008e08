import type { ModuleFacts } from './module-file.ts';

type KernelModule = Omit<ModuleFacts, 'info'> & {
  /** Below /lib/modules/<release>/kernel. */
  readonly folder: string;
  readonly license: string;
  readonly aliases: readonly string[];
};

/**
 * What somebody asks for by name: the network of EC2, what stands in the driver's way (nouveau), and what NVIDIA's
 * modules stand on.
 */
const MODULES: readonly KernelModule[] = [
  {
    name: 'ena',
    folder: 'drivers/net/ethernet/amazon/ena',
    license: 'GPL',
    aliases: ['pci:v00001D0Fd0000EC20sv*sd*bc*sc*i*'],
    exports: [],
    imports: [],
  },
  {
    name: 'drm',
    folder: 'drivers/gpu/drm',
    license: 'GPL and additional rights',
    aliases: ['char-major-226-*'],
    exports: ['drm_dev_register', 'drm_dev_unregister'],
    imports: [],
  },
  {
    name: 'drm_kms_helper',
    folder: 'drivers/gpu/drm',
    license: 'GPL and additional rights',
    aliases: [],
    exports: ['drm_kms_helper_poll_init'],
    imports: ['drm_dev_register'],
  },
  {
    name: 'nouveau',
    folder: 'drivers/gpu/drm/nouveau',
    license: 'GPL and additional rights',
    aliases: ['pci:v000010DEd*sv*sd*bc03sc*i*'],
    exports: [],
    imports: ['drm_dev_register', 'drm_kms_helper_poll_init'],
  },
];

/** Symbols of the kernel itself, for Module.symvers. */
const KERNEL_SYMBOLS = ['_printk', 'strcmp', 'memcpy', 'memset'];

/** In the kernel itself; `modules.builtin` names them, so that `modprobe` asks for no file. */
export const BUILT_IN_MODULES = [
  'kernel/drivers/block/loop.ko',
  'kernel/drivers/block/xen-blkfront.ko',
  'kernel/drivers/net/veth.ko',
  'kernel/drivers/nvme/host/nvme-core.ko',
  'kernel/drivers/nvme/host/nvme.ko',
  'kernel/fs/ext4/ext4.ko',
  'kernel/fs/overlayfs/overlay.ko',
  'kernel/net/bridge/bridge.ko',
];

/** Pure: path below /lib/modules/<release>, and what the file holds. */
export function modulesOf(release: string): readonly { readonly path: string; readonly facts: ModuleFacts }[] {
  return MODULES.map(({ folder, license, aliases, ...module }) => ({
    path: `kernel/${folder}/${module.name}.ko`,
    facts: {
      ...module,
      info: [
        ...aliases.map((alias) => ['alias', alias] as const),
        ['description', "of the lab's stand-in kernel: it says what it is and holds no code"],
        ['license', license],
        [
          'depends',
          MODULES.filter(({ exports }) => exports.some((one) => module.imports.includes(one)))
            .map(({ name }) => name)
            .join(','),
        ],
        ['intree', 'Y'],
        ['name', module.name],
        ['vermagic', `${release} SMP mod_unload `],
      ],
    },
  }));
}

/** Pure: which symbols modules of others may use, and whose they are. */
export function symversText(): string {
  const lines = [
    ...KERNEL_SYMBOLS.map((symbol) => [symbol, 'vmlinux']),
    ...MODULES.flatMap(({ folder, name, exports }) => exports.map((symbol) => [symbol, `${folder}/${name}`])),
  ];
  return lines.map(([symbol, owner]) => `0x00000000\t${symbol}\t${owner}\tEXPORT_SYMBOL\t\n`).join('');
}
