import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { run } from '../../exec.ts';
import { readAptMirrors } from '../../mirror/apt-sources.ts';

/** One package of Debian's archive, as apt fetched and verified it. */
export type DebianPackage = {
  readonly name: string;
  /** Debian's whole version: `26.1.5+dfsg1-9+deb13u1`. */
  readonly version: string;
  readonly file: string;
};

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

async function configuration(folder: string, suite: string): Promise<string> {
  const { debian, debianSecurity } = await readAptMirrors();
  const source = (mirror: string, of: string): string => `deb [arch=amd64 signed-by=${KEYRING}] ${mirror} ${of} main\n`;
  await writeFile(
    join(folder, 'sources.list'),
    source(debian, suite) + source(debian, `${suite}-updates`) + source(debianSecurity, `${suite}-security`),
  );
  for (const needed of ['lists/partial', 'archives/partial', 'parts', 'preferences'])
    await mkdir(join(folder, needed), { recursive: true });
  await writeFile(join(folder, 'status'), '');
  const settings = {
    'Dir::Etc::main': '/dev/null',
    'Dir::Etc::parts': join(folder, 'parts'),
    'Dir::Etc::sourcelist': join(folder, 'sources.list'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::Etc::preferences': '/dev/null',
    'Dir::Etc::preferencesparts': join(folder, 'preferences'),
    'Dir::State': folder,
    'Dir::State::status': join(folder, 'status'),
    'Dir::Cache': folder,
    'APT::Architecture': 'amd64',
    // Debian's key is in a file of its own; nothing else of the machine's apt is to be read or to be written.
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
  };
  const file = join(folder, 'apt.conf');
  const lines = Object.entries(settings).map(([key, value]) => `${key} "${value}";\n`);
  await writeFile(file, ['#clear APT::Architectures;\nAPT::Architectures { "amd64"; };\n', ...lines].join(''));
  return file;
}

/**
 * Fetches packages of a suite of Debian, without what they depend on, by an apt whose configuration is all its own: the
 * machine's apt is neither read nor changed, whichever release it is of. Release files are verified with Debian's
 * archive keyring, packages by them.
 *
 * @param folder where the packages are put, under the names that the archive gives them
 * @throws ToolFailed with what apt says
 */
export async function fetchDebianPackages(
  suite: string,
  names: readonly string[],
  folder: string,
): Promise<ReadonlyMap<string, DebianPackage>> {
  const scratch = await mkdtemp(join(tmpdir(), 'ecs-lab-apt-'));
  try {
    const APT_CONFIG = await configuration(scratch, suite);
    await mkdir(folder, { recursive: true });
    await run('apt-get', ['--quiet', '--quiet', 'update'], { env: { APT_CONFIG } });
    await run('sh', ['-c', 'cd "$1" && shift && exec apt-get --quiet download "$@"', 'sh', folder, ...names], {
      env: { APT_CONFIG },
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  const found = new Map<string, DebianPackage>();
  for (const entry of await readdir(folder)) {
    const file = join(folder, entry);
    const [name = '', version = ''] =
      // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg's own templates.
      (await run('dpkg-deb', ['--show', '--showformat=${Package} ${Version}', file])).split(' ');
    found.set(name, { name, version, file });
  }
  const missing = names.filter((name) => !found.has(name));
  if (missing.length > 0) throw new Error(`apt fetched no ${missing.join(', ')} to ${basename(folder)}`);
  return found;
}

/** Pure: what upstream calls the version: without epoch, Debian's suffixes and its revision. */
export function upstreamVersion(version: string): string {
  return version.replace(/^\d+:/, '').replace(/[+~-].*$/, '');
}
