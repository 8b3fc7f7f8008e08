import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buildDeb } from '../debian/build-deb.ts';
import { describePart, digestOfSources } from '../debian/describe.ts';
import type { Codename, Part } from '../part.ts';
import { autoconfText, configText, versionHeader } from './config.ts';
import { moduleFile } from './module-file.ts';
import { BUILT_IN_MODULES, modulesOf, symversText } from './modules.ts';
import { commonHeaders, type KernelPackage, kernelPackages } from './packages.ts';
import { type Kernel, kernelOf } from './release.ts';

const here = import.meta.dirname;
/** Of `linux-headers-<release>`; the rest of them is common to all flavours. */
const FLAVOUR_SCRIPTS = ['Makefile.modules', 'modpost'];

type Files = Readonly<Record<string, string | Uint8Array>>;

async function putAll(tree: string, files: Files): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const file = join(tree, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
  }
}

function imageFiles({ release }: Kernel): Files {
  return {
    [`boot/vmlinuz-${release}`]: `The lab's stand-in of kernel ${release}: machines share their host's kernel.\n`,
  };
}

function modulesFiles(kernel: Kernel): Files {
  const { release } = kernel;
  const folder = `lib/modules/${release}`;
  const modules = modulesOf(release);
  return {
    [`boot/config-${release}`]: configText(kernel),
    [`boot/System.map-${release}`]: 'ffffffff81000000 T _text\n',
    [`${folder}/modules.order`]: modules.map(({ path }) => `${path}\n`).join(''),
    [`${folder}/modules.builtin`]: BUILT_IN_MODULES.map((path) => `${path}\n`).join(''),
    [`${folder}/modules.builtin.modinfo`]: '',
    ...Object.fromEntries(modules.map(({ path, facts }) => [`${folder}/${path}`, moduleFile(facts)])),
  };
}

async function layOutCommonHeaders(kernel: Kernel, tree: string): Promise<void> {
  await cp(join(here, 'headers'), join(tree, 'usr/src', commonHeaders(kernel)), { recursive: true });
}

/** What differs by flavour is here, and everything else is a link to what does not, as in Ubuntu's package. */
async function layOutHeaders(kernel: Kernel, tree: string): Promise<void> {
  const { release } = kernel;
  const folder = join(tree, 'usr/src', `linux-headers-${release}`);
  const common = `../${commonHeaders(kernel)}`;
  const config = configText(kernel);
  await putAll(folder, {
    Makefile: `include ${join('/usr/src', commonHeaders(kernel), 'Makefile')}\n`,
    '.config': config,
    'Module.symvers': symversText(),
    'include/config/kernel.release': `${release}\n`,
    'include/config/auto.conf': config.replaceAll(/^#.*\n/gm, ''),
    'include/generated/autoconf.h': autoconfText(),
    'include/generated/utsrelease.h': `#define UTS_RELEASE "${release}"\n`,
    'include/generated/uapi/linux/version.h': versionHeader(kernel),
  });
  await symlink(`../${common}/include/linux`, join(folder, 'include/linux'));
  await mkdir(join(folder, 'scripts'));
  for (const name of FLAVOUR_SCRIPTS) await symlink(`../${common}/scripts/${name}`, join(folder, 'scripts', name));
  await mkdir(join(tree, 'lib/modules', release), { recursive: true });
  await symlink(`/usr/src/linux-headers-${release}`, join(tree, 'lib/modules', release, 'build'));
}

async function layOut(kernel: Kernel, name: string, tree: string): Promise<void> {
  if (name === `linux-image-${kernel.release}`) await putAll(tree, imageFiles(kernel));
  else if (name === `linux-modules-${kernel.release}`) await putAll(tree, modulesFiles(kernel));
  else if (name === commonHeaders(kernel)) await layOutCommonHeaders(kernel, tree);
  else if (name === `linux-headers-${kernel.release}`) await layOutHeaders(kernel, tree);
}

const STEPS = { image: ['postinst', 'prerm', 'postrm'], headers: ['postinst'] } as const;

async function scriptsOf(kernel: Kernel, kind: KernelPackage['scripts']): Promise<Record<string, string>> {
  const scripts: Record<string, string> = {};
  for (const step of kind === null ? [] : STEPS[kind]) {
    const text = await readFile(join(here, 'scripts', `${kind}.${step}`), 'utf8');
    scripts[step] = text.replaceAll('@RELEASE@', kernel.release);
  }
  return scripts;
}

async function pack(kernel: Kernel, each: KernelPackage, work: string, folder: string): Promise<string> {
  const { name, control, scripts } = each;
  const tree = join(work, name);
  await mkdir(tree);
  await layOut(kernel, name, tree);
  const file = `${name}_${control['Version']}_${control['Architecture']}.deb`;
  await buildDeb({ tree, control, scripts: await scriptsOf(kernel, scripts), out: join(folder, file) });
  return file;
}

/**
 * The kernel of a stand-in base image, as the packages that Ubuntu has. README.md is its spec.
 *
 * @param abi a higher one than the image's is a kernel that came after it
 */
export function kernelPart(codename: Codename, abi?: number): Part {
  const kernel = kernelOf(codename, abi);
  return {
    name: abi === undefined ? `kernel-${codename}` : `kernel-${codename}-${abi}`,
    substitution: {
      component: 'kernel',
      source: `packages of kernel ${kernel.release} that hold no kernel`,
      reason: "the lab's machines share the kernel of the machine that it runs on",
    },
    digest: () => digestOfSources([here, join(here, '../debian')], kernel),
    build: async ({ folder, onProgress }) => {
      const work = await mkdtemp(join(tmpdir(), 'ecs-lab-kernel-'));
      try {
        onProgress(`packing kernel ${kernel.release}`);
        const files = await Promise.all(kernelPackages(kernel).map((each) => pack(kernel, each, work, folder)));
        await describePart(folder, { version: kernel.release, files });
      } finally {
        await rm(work, { recursive: true, force: true });
      }
    },
  };
}
