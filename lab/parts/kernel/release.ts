import type { Codename } from '../part.ts';

/** A kernel of Ubuntu's for EC2. */
export type Kernel = {
  readonly codename: Codename;
  /** `6.8.0`: of the kernel, without the number of Ubuntu's build. */
  readonly base: string;
  /** `1035`: Ubuntu's number of the interface for modules, which a new package name has. */
  readonly abi: number;
  /** `5.15.0-1084-aws`: as `uname -r` says it. */
  readonly release: string;
  /** Of its packages, with the release that it was ported back to: `5.15.0-1084.91~20.04.1`. */
  readonly version: string;
  /** `linux-aws-5.15`: the source package; its headers' name begins so, too. */
  readonly source: string;
};

/** All three were written for a later release and ported back, as AWS's images have them. */
const KERNELS: Readonly<Record<Codename, { readonly base: string; readonly abi: number; readonly port: string }>> = {
  focal: { base: '5.15.0', abi: 1084, port: '20.04.1' },
  jammy: { base: '6.8.0', abi: 1035, port: '22.04.1' },
  noble: { base: '6.14.0', abi: 1014, port: '24.04.1' },
};

/** What an upload counts on beyond the interface: 1084.91. */
const UPLOADS = 7;

/** Pure: the kernel that a stand-in base image has, or with a higher `abi` one that came after it. */
export function kernelOf(codename: Codename, abi = KERNELS[codename].abi): Kernel {
  const { base, port } = KERNELS[codename];
  return {
    codename,
    base,
    abi,
    release: `${base}-${abi}-aws`,
    version: `${base}-${abi}.${(abi % 1000) + UPLOADS}~${port}`,
    source: `linux-aws-${base.split('.').slice(0, 2).join('.')}`,
  };
}
