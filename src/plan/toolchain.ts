/** Pinned in packer/toolchain; the template requires the same versions. */
export const TOOLCHAIN = { packer: '1.12.0', amazonPlugin: '1.3.4' } as const;
