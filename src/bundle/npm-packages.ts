import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export type NpmPackage = { readonly name: string; readonly version: string };

/** Where the list is in the bundle, and below /opt/ecs-host: beside the programs that it is about. */
export const NPM_PACKAGES_FILE = 'provisioners/npm-packages.json';

/** The innermost folder of a package that a module is in. */
const PACKAGE_FOLDER = /^(.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+)[\\/]/;

/** The packages of the modules that a bundler took in, by their own package.json; in the order of their names. */
export async function packagesOf(moduleIds: readonly string[]): Promise<NpmPackage[]> {
  const folders = new Set(moduleIds.flatMap((id) => PACKAGE_FOLDER.exec(id)?.[1] ?? []));
  const found = new Map<string, NpmPackage>();
  for (const folder of folders) {
    const { name, version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as NpmPackage;
    found.set(`${name}@${version}`, { name, version });
  }
  return [...found.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each);
}
