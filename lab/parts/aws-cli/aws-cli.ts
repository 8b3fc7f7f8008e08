import { chmod, cp, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../exec.ts';
import { describePart, digestOfSources } from '../debian/describe.ts';
import { fetchDebianPackages, upstreamVersion } from '../debian/fetch-packages.ts';
import type { Part } from '../part.ts';

const SUITE = 'trixie';
const PYTHON = 'python3.13';
const HERE = import.meta.dirname;

/** Shared libraries of Python's modules and of the CLI's. */
const LIBRARY_PACKAGES = [
  'libc6',
  'libgcc-s1',
  'libbz2-1.0',
  'libexpat1',
  'libffi8',
  'liblzma5',
  'libsqlite3-0',
  'libssl3t64',
  'libuuid1',
  'libzstd1',
  'zlib1g',
] as const;

const PYTHON_PACKAGES = [
  `${PYTHON}-minimal`,
  `lib${PYTHON}-minimal`,
  `lib${PYTHON}-stdlib`,
  'awscli',
  'python3-awscrt',
  'python3-bcrypt',
  'python3-cffi-backend',
  'python3-colorama',
  'python3-cryptography',
  'python3-dateutil',
  'python3-distro',
  'python3-docutils',
  'python3-jmespath',
  'python3-prompt-toolkit',
  'python3-pyasn1',
  'python3-roman',
  'python3-ruamel.yaml',
  'python3-ruamel.yaml.clib',
  'python3-urllib3',
  'python3-wcwidth',
  'python3-zipp',
] as const;

/** Of Python's library what no AWS CLI imports, and the pages of its help. */
const LEFT_OUT = ['idlelib', 'tkinter', 'turtledemo', 'ensurepip', 'pydoc_data', 'test'].map(
  (name) => `${PYTHON}/${name}`,
);
const NO_HELP = ['python3/dist-packages/awscli/examples', 'python3/dist-packages/awscli/topics'];

/** OpenSSL's old algorithms are a module that lies where Debian has it, and that no call of AWS needs. */
const NO_LEGACY = 'os.environ["CRYPTOGRAPHY_OPENSSL_NO_LEGACY"] = "1"';

const PROGRAMS: Readonly<Record<string, string>> = {
  aws: `import os
import sys

${NO_LEGACY}
from awscli.clidriver import main

sys.exit(main())
`,
  aws_completer: `import os

${NO_LEGACY}
from awscli.autocomplete.main import autocomplete

line = os.environ.get("COMP_LINE") or os.environ.get("COMMAND_LINE") or ""
autocomplete(line, int(os.environ.get("COMP_POINT") or len(line)))
`,
};

/** Files of libraries, under the names by which they are loaded. */
async function copyLibraries(from: string, folder: string): Promise<void> {
  for (const entry of await readdir(from)) {
    if (!entry.includes('.so') || !(await stat(join(from, entry))).isFile()) continue;
    await cp(join(from, entry), join(folder, entry), { dereference: true });
  }
}

/** Links of the archive lead out of the bundle, or to what is beside them. */
async function unlink(folder: string): Promise<void> {
  await run('find', [folder, '-xtype', 'l', '-delete']);
  const script =
    'find "$1" -type l -exec sh -c \'for link; do cp -rL "$link" "$link.file" && rm "$link" && mv "$link.file" "$link"; done\' sh {} +';
  await run('sh', ['-c', script, 'sh', folder]);
}

async function layOut(dist: string, unpacked: string): Promise<void> {
  const libraries = join(dist, 'lib');
  const python = join(dist, 'python');
  await mkdir(libraries, { recursive: true });
  await mkdir(join(python, 'bin'), { recursive: true });
  await copyLibraries(join(unpacked, 'usr/lib/x86_64-linux-gnu'), libraries);
  await cp(join(unpacked, 'usr/bin', PYTHON), join(python, 'bin/python3'));
  for (const folder of [PYTHON, 'python3'])
    await cp(join(unpacked, 'usr/lib', folder), join(python, 'lib', folder), {
      recursive: true,
      verbatimSymlinks: true,
    });
  for (const folder of [...LEFT_OUT, ...NO_HELP])
    await rm(join(python, 'lib', folder), { recursive: true, force: true });
  await unlink(python);
  for (const [name, text] of Object.entries(PROGRAMS)) {
    await cp(join(HERE, 'launch.sh'), join(dist, name));
    await chmod(join(dist, name), 0o755);
    await writeFile(join(dist, `${name}.py`), text);
  }
}

/**
 * Compiled once, here: on a host nobody writes beside the programs. By content, so that times say nothing; in one
 * process, since Python would start others without the loader.
 */
async function compile(dist: string): Promise<void> {
  const python = ['--library-path', join(dist, 'lib'), join(dist, 'python/bin/python3'), '-I'];
  const compileall = ['-m', 'compileall', '-q', '--invalidation-mode', 'unchecked-hash', '-s', dist];
  await run(join(dist, 'lib', 'ld-linux-x86-64.so.2'), [...python, ...compileall, join(dist, 'python/lib')]);
}

/**
 * The AWS CLI 2 of Debian, with a Python and libraries of its own, in the layout of AWS's bundle. README.md is its
 * spec.
 */
export const awsCli: Part = {
  name: 'aws-cli',
  substitution: {
    component: 'aws-cli',
    source: `the AWS CLI of Debian ${SUITE} in the layout of AWS's bundle`,
    reason: "AWS's download of its CLI is not reachable from the lab",
  },
  digest: () => digestOfSources([HERE, join(HERE, '..', 'debian')], { SUITE }),
  build: async ({ folder, onProgress }) => {
    const work = await mkdtemp(join(tmpdir(), 'ecs-lab-aws-'));
    try {
      onProgress(`fetching the AWS CLI of Debian ${SUITE}`);
      const names = [...LIBRARY_PACKAGES, ...PYTHON_PACKAGES];
      const packages = await fetchDebianPackages(SUITE, names, join(work, 'archive'));
      const unpacked = join(work, 'unpacked');
      for (const { file } of packages.values()) await run('dpkg-deb', ['--extract', file, unpacked]);
      const bundle = join(work, 'zip', 'aws');
      const dist = join(bundle, 'dist');
      await layOut(dist, unpacked);
      await compile(dist);
      await cp(join(HERE, 'install.sh'), join(bundle, 'install'));
      await cp(join(HERE, 'README.md'), join(bundle, 'README.md'));
      await run('chmod', ['-R', 'u=rwX,go=rX', bundle]);
      await chmod(join(bundle, 'install'), 0o755);
      const version = upstreamVersion(packages.get('awscli')?.version ?? '');
      const file = `awscli-exe-linux-x86_64-${version}.zip`;
      onProgress(`packing the AWS CLI ${version}`);
      await run('python3', [join(HERE, 'pack.py'), join(work, 'zip'), join(folder, file)]);
      const madeOf = Object.fromEntries([...packages.values()].map((each) => [each.name, each.version]));
      await describePart(folder, { version, files: [file], madeOf });
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  },
};
