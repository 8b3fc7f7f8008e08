import { mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { buildPrograms } from './build-programs.mjs';
import { SetupError } from './errors.mjs';
import { identifyCommand, probeVersion } from './probe.mjs';
import { contentKey, makeStamped, readStamp } from './stamp.mjs';
import { versionFits } from './versions.mjs';

/**
 * AWS's session-manager-plugin in `<cache>/session-manager/bin`: the one in PATH when it is new enough, else built from
 * the pinned module. A folder apart from Packer's, so that a new version of one is not a build of the other.
 */

/** Raise it when the recipe below changes. */
const RECIPE = '1';
const NAME = 'session-manager-plugin';
const MODULE = join('packer', NAME);
const PROGRAM = 'github.com/aws/session-manager-plugin/src/sessionmanagerplugin-main';

/** @param {string} cache */
function linkOf(cache) {
  return join(cache, 'session-manager');
}

/**
 * @param {{ project: string, needed: import('./prerequisites.mjs').Prerequisites }} place
 * @param {string | null} identity of the one in PATH that is used, or null
 */
async function keyOf({ project, needed }, identity) {
  const pins = await Promise.all(['go.mod', 'go.sum'].map((name) => readFile(join(project, MODULE, name), 'utf8')));
  return contentKey([RECIPE, ...pins, JSON.stringify(needed.sessionManagerPlugin), identity ?? '']);
}

/**
 * The finished plugin of the present pins, or null when there is work to do.
 *
 * @param {{ project: string, cache: string, needed: import('./prerequisites.mjs').Prerequisites }} place
 * @returns {Promise<{ version: string, origin: string } | null>}
 */
export async function findSessionManagerPlugin(place) {
  const candidate = await identifyCommand(NAME, place.cache);
  for (const identity of candidate === null ? [null] : [candidate.identity, null]) {
    const stamp = await readStamp(linkOf(place.cache), await keyOf(place, identity));
    if (stamp !== null) return JSON.parse(stamp);
  }
  return null;
}

/**
 * The plugin in PATH when it is new enough to take a session's token out of its environment instead of its command
 * line.
 *
 * @param {string} cache
 * @param {import('./prerequisites.mjs').Prerequisites} needed
 * @param {import('./progress.mjs').Step} step
 */
async function fittingOnPath(cache, needed, step) {
  const candidate = await identifyCommand(NAME, cache);
  if (candidate === null) return null;
  const version = await probeVersion([candidate.path, '--version']);
  if (versionFits(version, needed.sessionManagerPlugin)) return { ...candidate, version: version ?? '' };
  const { min } = needed.sessionManagerPlugin;
  step.say(`passed over: ${candidate.path} is ${version ?? 'of an unknown version'}; needed is ${min} or newer`);
  return null;
}

/**
 * @param {import('./build-programs.mjs').Place} place
 * @param {import('./progress.mjs').Step} step
 */
export async function makeSessionManagerPlugin(place, step) {
  const { cache, needed } = place;
  const found = await fittingOnPath(cache, needed, step);
  await makeStamped(linkOf(cache), await keyOf(place, found?.identity ?? null), async (folder) => {
    await mkdir(join(folder, 'bin'));
    const target = join(folder, 'bin', NAME);
    if (found !== null) {
      await symlink(found.path, target);
      return JSON.stringify({ version: found.version, origin: `PATH, ${found.path}` });
    }
    const { version, min } = needed.sessionManagerPlugin;
    const recipe = { name: NAME, module: MODULE, program: PROGRAM, ldflags: '-s -w', target };
    const origin = await buildPrograms(place, [recipe], step, { what: `AWS's ${NAME}`, instead: `${NAME} ${min}` });
    const made = await probeVersion([target, '--version']);
    if (made !== version) {
      throw new SetupError('outside', `the ${NAME} that was made says it is ${made}`, { where: target });
    }
    return JSON.stringify({ version, origin });
  });
}
