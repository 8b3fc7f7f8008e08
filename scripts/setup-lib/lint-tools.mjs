import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { goBuild, goOnPath, withGoWork } from './go.mjs';
import { canRead, findCommand } from './probe.mjs';
import { findEnvironment, makeEnvironment } from './python.mjs';
import { contentKey, makeStamped, readStamp } from './stamp.mjs';

/**
 * What `make lint` has beside the npm packages: mypy, ruff, shellcheck and zizmor out of a hash-locked environment in
 * `<cache>/lint`, and actionlint, built from its pinned module in `<cache>/actionlint`.
 */
const TOOLS = join('scripts', 'lint-tools');

/**
 * @typedef {{ project: string, cache: string, needed: import('./prerequisites.mjs').Prerequisites }} Place
 */

/** @param {Place} place */
function environment({ project, cache }) {
  return { link: join(cache, 'lint'), lock: join(project, TOOLS, 'requirements.lock') };
}

/**
 * @param {Place} place
 * @returns {Promise<string | null>} the folder of its programs, or null when there is work to do
 */
export async function findLintEnvironment(place) {
  const { link, lock } = environment(place);
  return (await findEnvironment(link, lock)) === null ? null : join(link, 'bin');
}

/**
 * @param {Place} place
 * @param {{ path: string, version: string }} python
 * @param {import('./progress.mjs').Step} step
 */
export async function makeLintEnvironment(place, python, step) {
  const { link, lock } = environment(place);
  await makeEnvironment(link, lock, python, step);
}

/** @param {Place} place */
async function actionlintOf({ project, cache }) {
  const pins = ['go.mod', 'go.sum'].map((name) => readFile(join(project, TOOLS, name), 'utf8'));
  const link = join(cache, 'actionlint');
  return { link, key: contentKey(await Promise.all(pins)), binary: join(link, 'actionlint') };
}

/**
 * @param {Place} place
 * @returns {Promise<string | null>} the one that was built, or one in PATH
 */
export async function findActionlint(place) {
  const { link, key, binary } = await actionlintOf(place);
  if ((await readStamp(link, key)) !== null && (await canRead(binary))) return binary;
  return findCommand('actionlint');
}

/**
 * @param {Place} place
 * @param {import('./progress.mjs').Step} step
 * @returns {Promise<boolean>} false when there is no Go to build it with
 */
export async function makeActionlint(place, step) {
  const go = await goOnPath(place.needed, step.say);
  if (go === null) return false;
  const { link, key } = await actionlintOf(place);
  await makeStamped(link, key, async (folder) => {
    await withGoWork(place.cache, (env) =>
      goBuild(go.path, {
        cwd: join(place.project, TOOLS),
        env,
        target: join(folder, 'actionlint'),
        program: 'github.com/rhysd/actionlint/cmd/actionlint',
        failure: 'Go could not build actionlint',
      }),
    );
    return '';
  });
  return true;
}
