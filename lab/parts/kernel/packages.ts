import type { Control } from '../debian/build-deb.ts';
import type { Kernel } from './release.ts';

/** A package of the kernel: what apt is told of it, and which of the scripts beside this file it has. */
export type KernelPackage = {
  readonly name: string;
  readonly control: Control;
  /** `image` for scripts/image.postinst and so on. */
  readonly scripts: 'image' | 'headers' | null;
};

const SAID = "Stand-in of ecs-host-setup's lab: nothing boots it; see lab/parts/kernel/README.md.";

/** Pure: the folder of what headers of all flavours share, and its package's name. */
export function commonHeaders({ source, base, abi }: Kernel): string {
  return `${source}-headers-${base}-${abi}`;
}

/** Pure: the packages as Ubuntu divides a kernel of EC2, those without files last. */
export function kernelPackages(kernel: Kernel): readonly KernelPackage[] {
  const { release, version, source, base } = kernel;
  const image = `linux-image-${release}`;
  const modules = `linux-modules-${release}`;
  const headers = `linux-headers-${release}`;
  const common = commonHeaders(kernel);
  const signed = source.replace('linux-', 'linux-signed-');
  // Ubuntu writes them with a full stop: 5.15.0.1084.91~20.04.1.
  const metaVersion = version.replace(`${base}-`, `${base}.`);

  const package_ = (
    name: string,
    from: string,
    about: string,
    fields: Control,
    scripts: KernelPackage['scripts'] = null,
  ): KernelPackage => ({
    name,
    scripts,
    control: {
      Package: name,
      Source: from,
      Version: version,
      Architecture: 'amd64',
      Maintainer: 'ecs-host-setup <lab@ecs-host.invalid>',
      Section: 'kernel',
      Priority: 'optional',
      ...fields,
      Description: `${about}\n ${SAID}`,
    },
  });
  const meta = (name: string, about: string, needs: string): KernelPackage =>
    package_(name, source.replace('linux-', 'linux-meta-'), about, { Version: metaVersion, Depends: needs });

  return [
    package_(
      image,
      signed,
      `Signed kernel image ${release}`,
      {
        Depends: `kmod, ${modules} (= ${version})`,
        Recommends: 'initramfs-tools | linux-initramfs-tool',
        Provides: 'linux-image, fuse-module',
      },
      'image',
    ),
    package_(modules, source, `Linux kernel modules for version ${base} on EC2`, {}),
    package_(common, source, `Header files related to Linux kernel version ${base}`, {
      Architecture: 'all',
      Section: 'devel',
    }),
    package_(
      headers,
      source,
      `Linux kernel headers for version ${base} on EC2`,
      { Section: 'devel', Depends: common, Provides: 'linux-headers' },
      'headers',
    ),
    meta('linux-image-aws', 'Linux kernel image for Amazon Web Services (AWS) systems.', `${image} (= ${version})`),
    meta(
      'linux-headers-aws',
      'Linux kernel headers for Amazon Web Services (AWS) systems.',
      `${headers} (= ${version})`,
    ),
    meta(
      'linux-aws',
      'Complete Linux kernel for Amazon Web Services (AWS) systems.',
      `linux-image-aws (= ${metaVersion}), linux-headers-aws (= ${metaVersion})`,
    ),
  ];
}
