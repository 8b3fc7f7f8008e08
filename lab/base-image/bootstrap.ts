import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../exec.ts';
import { readAptMirrors } from '../mirror/apt-sources.ts';
import { writeFileWhole } from '../write-file.ts';
import type { Contents } from './recipe.ts';

export type Package = { readonly name: string; readonly version: string };

/** What a finished image says of itself. */
export type Manifest = {
  readonly version: 1;
  readonly builtAt: string;
  /** Of the image's name. */
  readonly serial: string;
  readonly sizeGiB: number;
  readonly packages: readonly Package[];
};

export const DISK = 'disk.raw';
export const MANIFEST = 'manifest.json';

/**
 * Runs in namespaces of its own for what is mounted and what is started for a tree: both end with it, however that
 * comes about.
 */
export const CONFINED = [
  'setpriv',
  '--pdeathsig=KILL',
  'unshare',
  '--mount',
  '--propagation=slave',
  '--pid',
  '--fork',
  '--kill-child',
  '--mount-proc',
] as const;

/** Of mmdebstrap's own package. */
const MERGED_USR = '/usr/share/mmdebstrap/hooks/merged-usr/setup00.sh';

/** Nothing of a tree has to outlive a crash of this machine, as long as it is made. */
const UNSAFE = '/etc/dpkg/dpkg.cfg.d/while-made';

export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * One line of sources for each archive; the tree gets other ones at the end, so this is only where packages come from.
 */
async function sourceLines(suite: string): Promise<string[]> {
  const { debian, debianSecurity } = await readAptMirrors();
  return [
    `deb ${debian} ${suite} main`,
    `deb ${debian} ${suite}-updates main`,
    `deb ${debianSecurity} ${suite}-security main`,
  ];
}

/**
 * A tree of Debian's packages.
 *
 * @param customize a command line; the shell replaces `"$1"` by the tree
 */
export async function bootstrap(
  tree: string,
  { suite, architecture, packages, mergesUsr }: Contents,
  customize: string,
  onProgress: (line: string) => void,
): Promise<void> {
  const [program, ...options] = CONFINED;
  await run(
    program,
    [
      ...options,
      'mmdebstrap',
      '--mode=root',
      ...(mergesUsr === true ? [`--setup-hook=${MERGED_USR}`] : []),
      '--variant=minbase',
      '--format=directory',
      `--architectures=${architecture}`,
      `--include=${packages.join(',')}`,
      `--essential-hook=echo force-unsafe-io > "$1"${UNSAFE}`,
      `--customize-hook=rm "$1"${UNSAFE}`,
      `--customize-hook=${customize}`,
      suite,
      tree,
      ...(await sourceLines(suite)),
    ],
    { onLine: (line) => line.startsWith('I: ') && onProgress(line.slice(3)) },
  );
}

/** Lines of `name<TAB>version`, as dpkg-query prints them. */
export async function readPackages(file: string): Promise<Package[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const [name = '', version = ''] = line.split('\t');
    return { name, version };
  });
}

/** Makes a disk of a tree, which is gone afterwards, and says beside it what it is. */
export async function makeDisk(
  work: string,
  tree: string,
  facts: Omit<Manifest, 'version' | 'builtAt'>,
  onProgress: (line: string) => void,
): Promise<void> {
  onProgress('making the disk...');
  const disk = join(work, DISK);
  await writeFile(disk, '');
  await truncate(disk, facts.sizeGiB * 1024 ** 3);
  await run('mkfs.ext4', ['-q', '-F', '-L', 'lab-root', '-m', '1', '-d', tree, disk]);
  await rm(tree, { recursive: true });
  const manifest: Manifest = { version: 1, builtAt: new Date().toISOString(), ...facts };
  await writeFileWhole(join(work, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
}
