import { constants } from 'node:fs';
import { access, readFile, realpath, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { run } from './run.mjs';
import { findVersion } from './versions.mjs';

/** Where Debian keeps tools that only root's PATH names. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/**
 * @param {string} name
 * @returns {Promise<string | null>} its path, from PATH or the system's folders
 */
export async function findCommand(name) {
  for (const folder of [...(process.env['PATH'] ?? '').split(delimiter), ...SYSTEM_FOLDERS]) {
    if (folder === '') continue;
    const path = join(folder, name);
    if (await canRead(path, constants.X_OK)) return path;
  }
  return null;
}

/**
 * A command outside our own cache, with what tells cheaply whether it is still the same file.
 *
 * @param {string} name
 * @param {string} cache
 * @returns {Promise<{ path: string, identity: string } | null>}
 */
export async function identifyCommand(name, cache) {
  const path = await findCommand(name);
  if (path === null) return null;
  const real = await realpath(path);
  const ours = await realpath(cache).catch(() => cache);
  if (real.startsWith(`${ours}/`)) return null;
  const { size, mtimeMs } = await stat(real);
  return { path: real, identity: `${real}:${size}:${Math.round(mtimeMs)}` };
}

/**
 * @param {string} path
 * @param {number} [mode]
 */
export function canRead(path, mode = constants.R_OK) {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}

/**
 * @param {readonly string[]} command prints its version
 * @returns {Promise<string | null>}
 */
export async function probeVersion(command) {
  const result = await run(command);
  return result.code === 0 ? findVersion(result.output) : null;
}

/**
 * The best Python at hand: the newest of `python3` and the system's own that fits.
 *
 * @returns {Promise<{ path: string, version: string } | null>} null when there is none at all
 */
export async function findPython() {
  const path = await findCommand('python3');
  if (path === null) return null;
  const result = await run([
    path,
    '-c',
    'import sys; print(sys.executable); print(".".join(map(str, sys.version_info[:3])))',
  ]);
  const [executable, version] = result.stdout.trim().split('\n');
  return result.code === 0 && executable && version ? { path: executable, version } : null;
}

/**
 * One probe of scripts/prerequisites.json: a path, a Python module (`python:NAME`), or a command.
 *
 * @param {string} probe
 * @param {string | null} python
 * @returns {Promise<boolean>}
 */
export async function probeHolds(probe, python) {
  if (probe.startsWith('/')) return canRead(probe);
  if (probe.startsWith('python:')) {
    return python !== null && (await run([python, '-c', `import ${probe.slice('python:'.length)}`])).code === 0;
  }
  return (await findCommand(probe)) !== null;
}

/**
 * @returns {Promise<{ id: string, version: string, name: string }>} from /etc/os-release
 */
export async function readDistribution() {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return parseOsRelease(text);
}

/**
 * @param {string} text
 */
export function parseOsRelease(text) {
  /** @type {Record<string, string>} */
  const fields = {};
  for (const line of text.split('\n')) {
    const match = /^([A-Z_]+)=(?:"(.*)"|'(.*)'|(.*))$/.exec(line);
    if (match?.[1] !== undefined) fields[match[1]] = match[2] ?? match[3] ?? match[4] ?? '';
  }
  return {
    id: fields['ID'] ?? 'unknown',
    version: fields['VERSION_ID'] ?? '',
    name: fields['PRETTY_NAME'] ?? 'an unknown system',
  };
}
