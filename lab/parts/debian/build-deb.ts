import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../../exec.ts';

export type Control = Readonly<Record<string, string>>;

export type DebSpec = {
  /** Files of the package; becomes what dpkg-deb packs, so it is changed. */
  readonly tree: string;
  /** Fields in their order; `Description` with its continuation lines begun by a blank. */
  readonly control: Control;
  /** `postinst` and the like, as shell text. */
  readonly scripts?: Readonly<Record<string, string>>;
  readonly conffiles?: readonly string[];
  readonly out: string;
};

/**
 * Packs a tree, the same bytes for the same tree, whoever owns it and whenever. With gzip at its fastest: xz takes
 * minutes for what Docker is made of, zstd is not known to the dpkg of Debian 11.
 */
export async function buildDeb({ tree, control, scripts = {}, conffiles = [], out }: DebSpec): Promise<void> {
  const meta = join(tree, 'DEBIAN');
  await rm(meta, { recursive: true, force: true });
  await mkdir(meta, { recursive: true });
  const kib = (
    await run('du', ['--summarize', '--apparent-size', '--block-size=1024', '--exclude=DEBIAN', tree])
  ).split('\t')[0];
  const fields = Object.entries({ ...control, 'Installed-Size': String(kib) });
  await writeFile(join(meta, 'control'), fields.map(([name, value]) => `${name}: ${value}\n`).join(''));
  if (conffiles.length > 0) await writeFile(join(meta, 'conffiles'), conffiles.map((path) => `${path}\n`).join(''));
  await writeFile(join(meta, 'md5sums'), await checksums(tree, conffiles));
  await run('chmod', ['-R', 'u=rwX,go=rX', tree]);
  for (const [name, text] of Object.entries(scripts)) {
    await writeFile(join(meta, name), text);
    await chmod(join(meta, name), 0o755);
  }
  await run('find', [tree, '-exec', 'touch', '--no-dereference', '--date=@0', '{}', '+']);
  await mkdir(dirname(out), { recursive: true });
  await run('dpkg-deb', ['--root-owner-group', '-Zgzip', '-z1', '--build', tree, out], {
    env: { SOURCE_DATE_EPOCH: '0' },
  });
}

/** As dh_md5sums writes them: of every file but those that are configuration. */
async function checksums(tree: string, conffiles: readonly string[]): Promise<string> {
  const listed = await run('sh', [
    '-c',
    'cd "$1" && find . -path ./DEBIAN -prune -o -type f -printf "%P\\0" | LC_ALL=C sort -z | xargs -0r md5sum --',
    'sh',
    tree,
  ]);
  const lines = listed.split('\n').filter((line) => line !== '' && !conffiles.includes(`/${line.slice(34)}`));
  return lines.map((line) => `${line}\n`).join('');
}

/** Rewrites a file of a tree, keeping what it is allowed to be. */
export async function rewrite(file: string, edit: (bytes: Buffer) => Buffer): Promise<void> {
  await writeFile(file, edit(await readFile(file)));
}
