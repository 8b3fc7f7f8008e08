import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../exec.ts';
import { writeFileWhole } from '../../write-file.ts';
import { digestOfSources, sha256OfFile } from '../debian/describe.ts';
import { againstOldGlibc, oldGlibc, requireOldGlibc } from '../old-glibc/old-glibc.ts';
import { ensurePart, type Part } from '../part.ts';

/** A file of the part, and what an installer makes of it. */
export type UserlandFile = {
  /** Below the part's folder. */
  readonly name: string;
  readonly sha256: string;
  /** Octal digits; setuid for the program that makes device nodes. */
  readonly mode: string;
  readonly target: string;
};

/** `part.json`: what an installer of the driver puts on a machine. All paths of the machine are absolute. */
export type Userland = {
  readonly version: string;
  readonly files: readonly UserlandFile[];
  readonly links: readonly { readonly path: string; readonly to: string }[];
};

const LIBRARIES = '/usr/lib/x86_64-linux-gnu';
/** A machine of the lab has no more GPUs than this (source/paths.h says the same). */
const MAX_GPUS = 8;

/** The CUDA that a branch of the driver brings, as cuDriverGetVersion says it. */
const CUDA: Readonly<Record<string, number>> = {
  '470': 11_040,
  '510': 11_060,
  '515': 11_070,
  '525': 12_000,
  '535': 12_020,
  '550': 12_040,
  '560': 12_060,
  '565': 12_070,
  '570': 12_080,
  '575': 12_090,
  '580': 13_000,
  '590': 13_010,
};

const FLAGS = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror', '-s', '-Wl,--build-id=none'];

export type Compilation = {
  readonly version: string;
  readonly folder: string;
  /** Where the machine's files begin; empty for a machine, a folder in tests. */
  readonly root: string;
  /** More arguments for gcc. */
  readonly against: readonly string[];
};

/** @throws Error when nobody said which CUDA the branch has */
function cudaOf(version: string): number {
  const branch = version.split('.')[0] ?? '';
  const cuda = CUDA[branch];
  if (cuda === undefined || !/^\d+\.\d+(\.\d+)?$/.test(version))
    throw new Error(`the lab has no user space for driver ${version}: it knows R${Object.keys(CUDA).join(', R')}`);
  return cuda;
}

/** Compiles libraries and programs into `lib` and `bin` of a folder. @returns their names below it */
export async function compileUserland({ version, folder, root, against }: Compilation): Promise<readonly string[]> {
  const cuda = cudaOf(version);
  const source = join(import.meta.dirname, 'source');
  const defined = [`-DNV_VERSION="${version}"`, `-DLAB_ROOT="${root}"`, `-DCUDA_VERSION=${cuda}`];
  const library = (name: string): string[] => ['-fPIC', '-shared', `-Wl,-soname,${name}.so.1`];
  const made: readonly { name: string; from: string; flags: readonly string[] }[] = [
    { name: `lib/libnvidia-ml.so.${version}`, from: 'nvml.c', flags: library('libnvidia-ml') },
    { name: `lib/libcuda.so.${version}`, from: 'cuda.c', flags: library('libcuda') },
    { name: 'bin/nvidia-smi', from: 'smi.c', flags: ['-ldl'] },
    { name: 'bin/nvidia-modprobe', from: 'modprobe.c', flags: [] },
  ];
  await mkdir(join(folder, 'lib'), { recursive: true });
  await mkdir(join(folder, 'bin'), { recursive: true });
  for (const { name, from, flags } of made)
    await run('gcc', [...against, ...FLAGS, ...defined, join(source, from), '-o', join(folder, name), ...flags]);
  return made.map(({ name }) => name);
}

/** Every driver has these two files, and containers get what is named like them. */
async function writeFirmware(folder: string): Promise<readonly string[]> {
  await mkdir(join(folder, 'firmware'));
  const names = ['firmware/gsp_ga10x.bin', 'firmware/gsp_tu10x.bin'];
  for (const name of names)
    await writeFile(join(folder, name), 'A simulated GPU has no processor that would run this.\n');
  return names;
}

function placeOf(name: string, version: string): { mode: string; target: string } {
  const [kind = '', file = ''] = name.split('/');
  if (kind === 'lib') return { mode: '0755', target: join(LIBRARIES, file) };
  if (kind === 'firmware') return { mode: '0644', target: join('/lib/firmware/nvidia', version, file) };
  return { mode: file === 'nvidia-modprobe' ? '4755' : '0755', target: join('/usr/bin', file) };
}

/** The names that libraries are loaded by, and where a container will find what this machine's GPUs are. */
function linksOf(version: string): Userland['links'] {
  const ofLibraries = ['libnvidia-ml.so', 'libcuda.so'].flatMap((name) => [
    { path: join(LIBRARIES, `${name}.1`), to: `${name}.${version}` },
    { path: join(LIBRARIES, name), to: `${name}.1` },
  ]);
  const ofGpus = Array.from({ length: MAX_GPUS }, (_, minor) => ({
    path: join('/lib/firmware/nvidia', version, `gsp_lab${minor}.bin`),
    to: `/run/nvidia-lab/gpus/${minor}`,
  }));
  return [...ofLibraries, ...ofGpus];
}

async function describe(folder: string, version: string, names: readonly string[]): Promise<Userland> {
  const files: UserlandFile[] = [];
  for (const name of names) {
    const { mode, target } = placeOf(name, version);
    // The setuid bit is for the machine; here the file is only kept.
    await chmod(join(folder, name), mode.endsWith('644') ? 0o644 : 0o755);
    files.push({ name, sha256: await sha256OfFile(join(folder, name)), mode, target });
  }
  return { version, files, links: linksOf(version) };
}

/** The user space of an NVIDIA driver for simulated GPUs. @param version as hosts.yaml has it, `580.178.04` */
export function nvidiaUserland(version: string): Part {
  return {
    name: `nvidia-userland-${version}`,
    substitution: {
      component: `NVIDIA driver ${version}, user space`,
      source: "the lab's own libnvidia-ml, libcuda, nvidia-smi and nvidia-modprobe",
      reason: 'NVIDIA gives its own only by its download server, and there is no GPU',
    },
    digest: async () => digestOfSources([import.meta.dirname], { version, glibc: await oldGlibc.digest() }),
    build: async ({ folder, cache, onProgress }) => {
      const root = await ensurePart(oldGlibc, cache, onProgress);
      onProgress(`compiling the user space of driver ${version}`);
      const compiled = await compileUserland({ version, folder, root: '', against: againstOldGlibc(root) });
      await requireOldGlibc(compiled.map((name) => join(folder, name)));
      const userland = await describe(folder, version, [...compiled, ...(await writeFirmware(folder))]);
      await writeFileWhole(join(folder, 'part.json'), `${JSON.stringify(userland, null, 2)}\n`);
    },
  };
}
