import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Package } from './context.ts';
import { retry } from './retry.ts';
import { ask, ToolError, tool } from './tool.ts';

/** On a tmpfs: another boot asks again. */
const UPDATED_STAMP = '/run/ecs-host-provision/apt-updated';
const SOURCES = ['/etc/apt/sources.list', '/etc/apt/sources.list.d'];

/**
 * Somebody else's apt run is waited for, a mirror that stutters is asked again, and a changed configuration file keeps
 * ours.
 */
export const APT_OPTIONS = [
  '--quiet',
  '--assume-yes',
  '--option=DPkg::Lock::Timeout=600',
  '--option=Acquire::Retries=5',
  '--option=Acquire::Languages=none',
  '--option=Dpkg::Use-Pty=0',
  '--option=Dpkg::Options::=--force-confold',
  '--option=Dpkg::Options::=--force-confdef',
  // No fsync for each file: a build instance that loses its power is thrown away, and `clean` writes everything to the
  // disk.
  '--option=Dpkg::Options::=--force-unsafe-io',
];

async function changedAtMs(path: string): Promise<number> {
  try {
    const { mtimeMs } = await stat(path);
    const inside = await readdir(path).catch(() => []);
    return Math.max(mtimeMs, ...(await Promise.all(inside.map((name) => changedAtMs(`${path}/${name}`)))));
  } catch {
    return 0;
  }
}

/** The lists were fetched in this boot, after the last change of the sources. */
export async function isUpdated(): Promise<boolean> {
  const stamp = await stat(UPDATED_STAMP).catch(() => null);
  if (!stamp) return false;
  return stamp.mtimeMs > Math.max(...(await Promise.all(SOURCES.map(changedAtMs))));
}

/** The lock of the lists is not one that apt waits for, hence the retries. */
export async function aptUpdate(): Promise<void> {
  if (await isUpdated()) return;
  await retry(5, () => tool`apt-get ${APT_OPTIONS} --error-on=any update`.catch(updateWithoutErrorOn));
  await mkdir(dirname(UPDATED_STAMP), { recursive: true });
  await writeFile(UPDATED_STAMP, '');
}

/** apt before 2.1 (Ubuntu 20.04) does not know --error-on. */
async function updateWithoutErrorOn(error: unknown): Promise<unknown> {
  if (!(error instanceof ToolError && error.output.includes('error-on'))) throw error;
  return tool`apt-get ${APT_OPTIONS} update`;
}

/** Versions of those of the packages that are installed, by name. */
export async function installedVersions(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg's own templates.
  const format = '${db:Status-Abbrev}|${Package}|${Version}\n';
  // Its exit code only says that one of them is not there.
  const { stdout } = await ask`dpkg-query --show --showformat=${format} ${names}`;
  return new Map(
    stdout.split('\n').flatMap((line) => {
      const [status = '', name = '', version = ''] = line.split('|');
      return /^[hi]i/.test(status) ? [[name, version] as const] : [];
    }),
  );
}

/** Version of an installed package, or null. */
export async function installedVersion(name: string): Promise<string | null> {
  return (await installedVersions([name])).get(name) ?? null;
}

/** Whether something is installed, in the wanted version if there is one. */
export function isInVersion(found: string | null, wanted: string | null): boolean {
  return found !== null && (wanted === null || found === wanted);
}

/** Those of the packages that are not installed, or in another version than the wanted one. */
export async function missingPackages(packages: readonly Package[]): Promise<readonly Package[]> {
  if (packages.length === 0) return [];
  const found = await installedVersions(packages.map(({ name }) => name));
  return packages.filter(({ name, version = null }) => !isInVersion(found.get(name) ?? null, version));
}

/**
 * Installs packages in one transaction, without what they merely recommend. Files are tried without package lists
 * first, because what they depend on is often there.
 */
export async function aptInstall(packages: readonly Package[]): Promise<void> {
  if (packages.length === 0) return;
  const words = packages.map(
    ({ name, version, file }) => file ?? (version === undefined ? name : `${name}=${version}`),
  );
  const install = (): Promise<unknown> =>
    tool`apt-get ${APT_OPTIONS} --no-install-recommends --allow-downgrades --allow-change-held-packages install ${words}`;
  if (packages.every(({ file }) => file !== undefined) && !(await isUpdated())) {
    const isDone = await install().then(
      () => true,
      () => false,
    );
    if (isDone) return;
  }
  await aptUpdate();
  await retry(3, install);
}

/**
 * Brings what is installed to the newest versions that the preferences in a file allow, with what those need in
 * addition; removes nothing.
 */
export async function aptUpgrade(preferences: string): Promise<void> {
  const only = [`--option=Dir::Etc::Preferences=${preferences}`, '--option=Dir::Etc::PreferencesParts=/dev/null'];
  await retry(3, () => tool`apt-get ${APT_OPTIONS} ${only} --no-install-recommends --with-new-pkgs upgrade`);
}

/** Removes those of the packages that are there. Returns whether any was. */
export async function aptRemove(names: readonly string[]): Promise<boolean> {
  const there = [...(await installedVersions(names)).keys()];
  if (there.length === 0) return false;
  await tool`apt-get ${APT_OPTIONS} remove ${there}`;
  return true;
}

export async function heldPackages(): Promise<readonly string[]> {
  // `clean` took apt's caches away, and to look must not bring them back.
  const noCaches = ['--option=Dir::Cache::pkgcache=', '--option=Dir::Cache::srcpkgcache='];
  return (await tool`apt-mark ${noCaches} showhold`).stdout.split('\n').filter(Boolean);
}

/** Every installed package's name. */
export async function installedPackages(): Promise<readonly string[]> {
  return [...(await installedVersions(['*'])).keys()];
}
