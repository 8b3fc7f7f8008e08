import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { must } from './run.mjs';
import { contentKey, makeStamped, readStamp } from './stamp.mjs';

/** Raise it when the recipe below changes, so that finished environments are made again. */
const RECIPE = '1';

/**
 * @param {string} lockFile
 */
export async function environmentKey(lockFile) {
  return contentKey([RECIPE, await readFile(lockFile, 'utf8')]);
}

/**
 * A finished environment of exactly this lock, whose Python is still there.
 *
 * @param {string} link e.g. `<cache>/venv`
 * @param {string} lockFile
 * @returns {Promise<{ python: string } | null>} the version of Python inside
 */
export async function findEnvironment(link, lockFile) {
  const stamp = await readStamp(link, await environmentKey(lockFile));
  if (stamp === null) return null;
  const usable = await readFile(join(link, 'bin', 'python3')).then(
    () => true,
    () => false,
  );
  return usable ? JSON.parse(stamp) : null;
}

/**
 * Makes a virtual environment in which every file that pip installs has the hash that the lock names. Only wheels:
 * nothing of a package runs while it is installed.
 *
 * @param {string} link
 * @param {string} lockFile
 * @param {{ path: string, version: string }} python
 * @param {import('./progress.mjs').Step} step
 */
export async function makeEnvironment(link, lockFile, python, step) {
  await makeStamped(link, await environmentKey(lockFile), async (folder) => {
    step.at('making the environment');
    await must([python.path, '-m', 'venv', folder], {
      failure: 'Python could not make a virtual environment',
      hint: 'install python3-venv',
    });
    const pip = [join(folder, 'bin', 'python3'), '-m', 'pip', 'install'];
    // Not compiled ahead: most modules are never imported, and Python compiles the others once.
    const options = [
      '--no-compile',
      '--no-deps',
      '--only-binary',
      ':all:',
      '--progress-bar',
      'off',
      '--disable-pip-version-check',
    ];
    await must([...pip, ...options, '--require-hashes', '-r', lockFile], {
      failure: `pip could not install what ${lockFile} names`,
      hint: 'check the network and the package index, then start again',
      onLine: (line) => step.at(line.trim().slice(0, 100)),
    });
    return JSON.stringify({ python: python.version });
  });
}
