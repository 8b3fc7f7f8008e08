import { chmod, cp, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { compileUserland } from '../../../lab/parts/nvidia-userland/userland.ts';

export const VERSION = '580.178.04';
export const KERNEL = '5.15.0-1084-aws';
const LIBRARIES = 'usr/lib/x86_64-linux-gnu';

export type Gpu = { readonly bus: string; readonly device: string } & Readonly<Record<string, string>>;

export const M60: Gpu = {
  bus: '0000:00:1e.0',
  device: '0x13f2',
  uuid: 'GPU-5d1f2a30-0000-4000-8000-00000000001e',
  name: 'Tesla M60',
  memory_mib: '8192',
  state: 'ok',
  architecture: 'Maxwell',
  driver: 'any',
  persistence: 'settable',
};
export const T4: Gpu = {
  ...M60,
  bus: '0000:00:1d.0',
  device: '0x1eb8',
  uuid: 'GPU-5d1f2a30-0000-4000-8000-00000000001d',
  name: 'Tesla T4',
  memory_mib: '15360',
  architecture: 'Turing',
};

/** What is not here of what these tests need; null when nothing is. */
export async function missingForGpuMachine(): Promise<string | null> {
  if (process.getuid?.() !== 0) return 'not root, and device nodes are made';
  const gcc = await execa('gcc', ['--version'], { reject: false });
  return gcc.exitCode === 0 ? null : 'no gcc on this machine';
}

/**
 * A folder that is a machine with the lab's driver: compiled for that folder, with the machine's own C library. Each
 * command runs in a mount namespace of its own, so that no mount outlives it.
 */
export class GpuMachine {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  async put(path: string, text: string): Promise<void> {
    await mkdir(dirname(join(this.root, path)), { recursive: true });
    await writeFile(join(this.root, path), text);
  }

  /** Once for all tests of a file. */
  async compile(): Promise<void> {
    await compileUserland({ version: VERSION, folder: join(this.root, 'compiled'), root: this.root, against: [] });
  }

  /** As it is before its first boot with the driver. */
  async reset(gpus: readonly Gpu[]): Promise<void> {
    for (const name of ['boot', 'dev', 'etc', 'lib', 'proc', 'run', 'sbin', 'sys', 'usr'])
      await rm(join(this.root, name), { recursive: true, force: true });
    for (const name of ['dev', 'sys/bus/pci/devices', LIBRARIES, 'usr/bin', `lib/firmware/nvidia/${VERSION}`])
      await mkdir(join(this.root, name), { recursive: true });
    for (const gpu of gpus) await this.plug(gpu);
    await this.put(`boot/vmlinuz-${KERNEL}`, '');
    await this.put('boot/vmlinuz-5.15.0-999-aws', '');
    await this.put('proc/devices', 'Character devices:\n  1 mem\n511 taken\n\nBlock devices:\n  7 loop\n');
    await this.module('version', VERSION);
    await this.module('vermagic', `${KERNEL} SMP mod_unload modversions`);
    await this.module('license', 'NVIDIA');
    await this.put('sbin/modinfo', `#!/bin/sh\nexec cat ${this.root}/lib/modules/"$4/$7.$6"\n`);
    await chmod(join(this.root, 'sbin/modinfo'), 0o755);
    await cp(join(this.root, 'compiled/bin'), join(this.root, 'usr/bin'), { recursive: true });
    await cp(join(this.root, 'compiled/lib'), join(this.root, LIBRARIES), { recursive: true });
    await symlink(`libnvidia-ml.so.${VERSION}`, join(this.root, LIBRARIES, 'libnvidia-ml.so.1'));
    for (const minor of [0, 1])
      await symlink(join(this.root, `run/nvidia-lab/gpus/${minor}`), join(this.root, this.factsOf(minor)));
  }

  factsOf(minor: number): string {
    return `lib/firmware/nvidia/${VERSION}/gsp_lab${minor}.bin`;
  }

  /** What modinfo says of the driver's module for the kernel that boots. */
  module(field: string, value: string): Promise<void> {
    return this.put(`lib/modules/${KERNEL}/nvidia.${field}`, `${value}\n`);
  }

  /** Also changes one that is there, in place, as the lab does. */
  async plug(gpu: Gpu): Promise<void> {
    const folder = `sys/bus/pci/devices/${gpu.bus}`;
    const facts = Object.entries(gpu).map(([key, value]) => `${key}=${value}\n`);
    await this.put(`${folder}/vendor`, '0x10de\n');
    await this.put(`${folder}/class`, '0x030200\n');
    await this.put(`${folder}/device`, `${gpu.device}\n`);
    await this.put(`${folder}/lab_gpu`, facts.join(''));
  }

  unplug({ bus }: Gpu): Promise<void> {
    return rm(join(this.root, 'sys/bus/pci/devices', bus), { recursive: true });
  }

  /** All that it prints, and how it ends. */
  async run(program: string, ...words: readonly string[]): Promise<{ said: string; code: number | undefined }> {
    const command = ['--mount', join(this.root, 'usr/bin', program), ...words];
    const env = { LD_LIBRARY_PATH: join(this.root, LIBRARIES) };
    const { all, exitCode } = await execa('unshare', command, { reject: false, all: true, env });
    return { said: all, code: exitCode };
  }
}
