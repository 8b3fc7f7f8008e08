import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { must } from './run.mjs';

/**
 * @typedef {{ version?: string, integrity?: string, optional?: boolean, os?: string[], cpu?: string[], link?: boolean
 *   }} LockEntry
 */

/**
 * Whether node_modules holds what the lock names. npm writes its record (node_modules/.package-lock.json) last, so an
 * interrupted installation has none; entries for other platforms are rightly absent.
 *
 * @param {string} folder the project
 */
export async function nodeModulesFit(folder) {
  try {
    const [wanted, installed] = await Promise.all([
      readPackages(join(folder, 'package-lock.json')),
      readPackages(join(folder, 'node_modules', '.package-lock.json')),
    ]);
    for (const [path, entry] of Object.entries(wanted)) {
      if (path === '') continue;
      const found = installed[path];
      if (found === undefined && !entry.optional) return false;
      if (found !== undefined && (found.version !== entry.version || found.integrity !== entry.integrity)) return false;
    }
    await stat(join(folder, 'node_modules', '.bin', 'node'));
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {string} file
 * @returns {Promise<Record<string, LockEntry>>}
 */
async function readPackages(file) {
  return JSON.parse(await readFile(file, 'utf8')).packages;
}

/**
 * @param {string} folder
 * @param {import('./progress.mjs').Step} step
 */
export async function installNodeModules(folder, step) {
  await must(['npm', 'ci', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=http'], {
    cwd: folder,
    failure: 'npm could not install the packages of package-lock.json',
    hint: 'check the network and the registry (`npm ping`), then start again',
    onLine: (line) => step.at(line.replace(/^npm (http fetch )?/, '').slice(0, 100)),
  });
}
