import { mkdir, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../exec.ts';
import { withLock } from '../lock.ts';
import { readAptMirrors } from '../mirror/apt-sources.ts';
import type { LabPaths } from '../paths.ts';
import { writeFileWhole } from '../write-file.ts';
import { RECIPE, recipeDigest } from './recipe.ts';

export type BaseImage = {
  /** A raw ext4 disk; import it with lab/disks `importSnapshot`. */
  readonly file: string;
  /** First 12 digits of the recipe's hash; another recipe is another base image. */
  readonly recipe: string;
  readonly builtAt: Date;
  readonly sizeGiB: number;
  /** Name and version of every package in it. */
  readonly packages: readonly { readonly name: string; readonly version: string }[];
};

type Manifest = { version: 1; builtAt: string; packages: { name: string; version: string }[] };

const DISK = 'disk.raw';
const MANIFEST = 'manifest.json';
const PARTIAL = '.partial';
const KEPT_RECIPES = 3;

async function readFinished(folder: string, recipe: string): Promise<BaseImage | null> {
  try {
    const manifest = JSON.parse(await readFile(join(folder, MANIFEST), 'utf8')) as Manifest;
    await stat(join(folder, DISK));
    if (manifest.version !== 1) return null;
    return {
      file: join(folder, DISK),
      recipe,
      builtAt: new Date(manifest.builtAt),
      sizeGiB: RECIPE.sizeGiB,
      packages: manifest.packages,
    };
  } catch {
    return null;
  }
}

/**
 * One line of sources for each archive; the tree gets other ones at the end (rootfs/), so this is only where packages
 * come from.
 */
async function sourceLines(): Promise<string[]> {
  const { debian, debianSecurity } = await readAptMirrors();
  return [
    `deb ${debian} ${RECIPE.suite} main`,
    `deb ${debian} ${RECIPE.suite}-updates main`,
    `deb ${debianSecurity} ${RECIPE.suite}-security main`,
  ];
}

async function build(work: string, onProgress: (line: string) => void): Promise<void> {
  const tree = join(work, 'tree');
  const versions = join(work, 'packages.tsv');
  const customize = join(import.meta.dirname, 'customize.sh');
  // Namespaces of its own for what is mounted and what is started for the tree: both end with it, however that comes
  // about.
  await run(
    'setpriv',
    [
      '--pdeathsig=KILL',
      'unshare',
      '--mount',
      '--propagation=slave',
      '--pid',
      '--fork',
      '--kill-child',
      '--mount-proc',
      'mmdebstrap',
      '--mode=root',
      '--variant=minbase',
      '--format=directory',
      `--architectures=${RECIPE.architecture}`,
      `--include=${RECIPE.packages.join(',')}`,
      `--customize-hook=${shellQuote(customize)} "$1" ${shellQuote(versions)}`,
      RECIPE.suite,
      tree,
      ...(await sourceLines()),
    ],
    { onLine: (line) => line.startsWith('I: ') && onProgress(line.slice(3)) },
  );
  onProgress('making the disk...');
  const disk = join(work, DISK);
  await writeFile(disk, '');
  await truncate(disk, RECIPE.sizeGiB * 1024 ** 3);
  await run('mkfs.ext4', ['-q', '-F', '-L', 'lab-root', '-m', '1', '-d', tree, disk]);
  const packages = (await readFile(versions, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => {
      const [name = '', version = ''] = line.split('\t');
      return { name, version };
    });
  const manifest: Manifest = { version: 1, builtAt: new Date().toISOString(), packages };
  await rm(tree, { recursive: true });
  await rm(versions);
  await writeFileWhole(join(work, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Images of earlier recipes; the newest ones stay for other checkouts, which share the cache. */
async function removeOld(folder: string): Promise<void> {
  const entries = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const built = await Promise.all(
    entries.map(async ({ name }) => ({
      name,
      builtAt: (await readFinished(join(folder, name), name))?.builtAt.getTime() ?? 0,
    })),
  );
  for (const { name } of built.toSorted((a, b) => b.builtAt - a.builtAt).slice(KEPT_RECIPES)) {
    await rm(join(folder, name), { recursive: true });
  }
}

function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * The base image of the current recipe, built first when it is not in the cache (about a minute, most of it package
 * installation). An interrupted build leaves a folder that the next one removes; a finished one appears whole.
 */
export async function ensureBaseImage(
  paths: LabPaths,
  onProgress: (line: string) => void = () => {},
): Promise<BaseImage> {
  const recipe = await recipeDigest();
  const folder = join(paths.baseImages, recipe);
  const finished = await readFinished(folder, recipe);
  if (finished) return finished;
  await mkdir(paths.baseImages, { recursive: true });
  return withLock(
    join(paths.baseImages, 'lock'),
    async () => {
      const builtMeanwhile = await readFinished(folder, recipe);
      if (builtMeanwhile) return builtMeanwhile;
      for (const name of await readdir(paths.baseImages)) {
        if (name.endsWith(PARTIAL)) await rm(join(paths.baseImages, name), { recursive: true, force: true });
      }
      const work = `${folder}${PARTIAL}`;
      await mkdir(work);
      try {
        onProgress(`building the base image ${recipe} (${RECIPE.packages.length} packages and what they need)`);
        await build(work, onProgress);
        await rm(folder, { recursive: true, force: true });
        await rename(work, folder);
        await removeOld(paths.baseImages);
      } catch (error) {
        await rm(work, { recursive: true, force: true });
        throw error;
      }
      const image = await readFinished(folder, recipe);
      if (!image) throw new Error(`the base image in ${folder} cannot be read`);
      return image;
    },
    (holder) => onProgress(`waiting for process ${holder}, which is building the base image`),
  );
}
