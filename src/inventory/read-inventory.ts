import { onHost } from '#contracts/host-paths.ts';
import { NPM_PACKAGES_FILE } from '../bundle/npm-packages.ts';
import type { Ssh } from '../host-access/ssh.ts';
import {
  type ConfigurationFile,
  type ConfigurationLink,
  type DebPackage,
  INVENTORY_VERSION,
  type Inventory,
} from './inventory.ts';
import { isOfTheInstance } from './of-the-instance.ts';
import { settingsOf } from './settings.ts';

/** Between two fields, and between two sections; neither stands in a path or a version. */
const FIELD = '\t';
const SECTION = '\u0001';

const PACKAGE_FIELDS = [
  'db:Status-Abbrev',
  'Package',
  'Version',
  'Architecture',
  'source:Package',
  'source:Version',
] as const;

/** Everything in one command. Names below /etc end with a NUL, because they may hold anything else. */
const READ = [
  'export LC_ALL=C',
  `next() { printf '\\001'; }`,
  `sed -n 's/^\\(ID\\|VERSION_ID\\|VERSION_CODENAME\\)=/&/p' /etc/os-release; next`,
  `dpkg-query --show --showformat '${PACKAGE_FIELDS.map((field) => `\${${field}}`).join('\\t')}\\n'; next`,
  `cat ${onHost(NPM_PACKAGES_FILE)} 2>/dev/null || echo '[]'; next`,
  `cat ${onHost('target.json')} 2>/dev/null || echo '{}'; next`,
  `find /etc -xdev -type f -printf '%m\\t%s\\t%p\\0'; next`,
  `find /etc -xdev -type f -print0 | xargs -0 sha256sum -z 2>/dev/null; next`,
  `find /etc -xdev -type l -printf '%l\\t%p\\0'`,
].join('\n');

/** A shell line for it: what is below /etc only root reads, and changes nothing there. */
export const READ_INVENTORY = `sudo sh -c '${READ.replaceAll(`'`, `'\\''`)}'`;

const TIMEOUT_MS = 120_000;

function byPath<T extends { readonly path: string }>(items: readonly T[]): T[] {
  return items.filter(({ path }) => !isOfTheInstance(path)).sort((a, b) => (a.path < b.path ? -1 : 1));
}

function osOf(text: string): Inventory['os'] {
  const value = (name: string): string =>
    (new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1] ?? '').replaceAll(/^["']|["']$/g, '');
  return { id: value('ID'), versionId: value('VERSION_ID'), codename: value('VERSION_CODENAME') };
}

/** Installed ones; what was removed and left its configuration is none. */
function packagesOf(text: string): DebPackage[] {
  return text
    .split('\n')
    .map((line) => line.split(FIELD))
    .filter(([status = '']) => status.startsWith('ii') || status.startsWith('hi'))
    .map(([, name = '', version = '', architecture = '', source = '', sourceVersion = '']) => ({
      ...{ name, version, architecture, source, sourceVersion },
    }))
    .sort((a, b) => (`${a.name}:${a.architecture}` < `${b.name}:${b.architecture}` ? -1 : 1));
}

function filesOf(listed: string, hashes: string): ConfigurationFile[] {
  const sha256 = new Map(
    hashes.split('\0').map((entry) => {
      // `<64 digits>  <path>`
      const [, digits = '', path = ''] = /^([0-9a-f]{64}) [ *](.*)$/s.exec(entry) ?? [];
      return [path, digits] as const;
    }),
  );
  const files = listed
    .split('\0')
    .filter((entry) => entry !== '')
    .map((entry) => {
      const [mode = '', bytes = '', ...path] = entry.split(FIELD);
      return { path: path.join(FIELD), mode, bytes: Number(bytes) };
    });
  // What went away in between is not on the image either.
  return byPath(
    files.flatMap((file) => (sha256.has(file.path) ? [{ ...file, sha256: sha256.get(file.path) ?? '' }] : [])),
  );
}

function linksOf(text: string): ConfigurationLink[] {
  const links = text
    .split('\0')
    .filter((entry) => entry !== '')
    .map((entry) => {
      const at = entry.lastIndexOf(FIELD);
      return { path: entry.slice(at + 1), to: entry.slice(0, at) };
    });
  return byPath(links);
}

/** Pure: what the command printed. @throws Error when it is not that */
export function parseInventory(imageId: string, text: string): Inventory {
  const sections = text.split(SECTION);
  const [os = '', packages = '', npm = '', target = '', files = '', hashes = '', links = ''] = sections;
  if (sections.length !== 7) throw new Error(`the instance gave ${sections.length} parts of 7`);
  const inventory: Inventory = {
    inventoryVersion: INVENTORY_VERSION,
    imageId,
    os: osOf(os),
    packages: packagesOf(packages),
    npm: JSON.parse(npm) as Inventory['npm'],
    files: filesOf(files, hashes),
    links: linksOf(links),
    settings: settingsOf(JSON.parse(target)),
  };
  if (inventory.packages.length === 0) throw new Error('dpkg named no packages');
  return inventory;
}

/**
 * Asks a booted instance of the image what is on it.
 *
 * @throws Error why not, in words; what `ssh.run` throws
 */
export async function readInventory(ssh: Ssh, imageId: string): Promise<Inventory> {
  const { exitCode, stdout, stderr } = await ssh.run(READ_INVENTORY, { timeoutMs: TIMEOUT_MS });
  if (exitCode !== 0) throw new Error(`the command ended with ${exitCode} (${stderr.trim()})`);
  return parseInventory(imageId, stdout);
}
