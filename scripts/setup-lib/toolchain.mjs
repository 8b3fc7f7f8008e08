import { mkdir, readFile, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { buildPrograms } from './build-programs.mjs';
import { SetupError } from './errors.mjs';
import { identifyCommand, probeVersion } from './probe.mjs';
import { must } from './run.mjs';
import { contentKey, makeStamped, readStamp } from './stamp.mjs';
import { versionFits } from './versions.mjs';

/**
 * Packer and its amazon plugin in `<cache>/toolchain/{bin,plugins}`: Packer from PATH when its version fits; what is
 * missing is built from the pinned module packer/toolchain/go.mod (docs/decisions/0021-toolchain-from-source.md).
 */

/** Raise it when the recipe below changes, so that finished toolchains are made again. */
const RECIPE = '1';

const PLUGIN_MODULE = 'github.com/hashicorp/packer-plugin-amazon';
const PLUGIN_SOURCE = 'github.com/hashicorp/amazon';

const MODULE = join('packer', 'toolchain');

/** @param {string} folder */
function packerRecipe(folder) {
  return {
    name: 'Packer',
    module: MODULE,
    program: 'github.com/hashicorp/packer',
    ldflags: '-s -w',
    target: join(folder, 'bin', 'packer'),
  };
}

/**
 * The plugin's sources call themselves a development version until the release build says otherwise.
 *
 * @param {string} folder
 */
function pluginRecipe(folder) {
  return {
    name: 'the amazon plugin',
    module: MODULE,
    program: PLUGIN_MODULE,
    ldflags: `-s -w -X ${PLUGIN_MODULE}/version.VersionPrerelease=`,
    target: join(folder, 'packer-plugin-amazon'),
  };
}

/**
 * @typedef {{ path: string, version: string, identity: string }} PackerOnPath
 */

/**
 * A Packer in PATH, outside our own cache, whose version fits. The identity tells cheaply whether it is still the same
 * file.
 *
 * @param {import('./prerequisites.mjs').Prerequisites} needed
 * @param {string} cache
 * @returns {Promise<{ fitting: PackerOnPath | null, passedOver: string | null }>}
 */
export async function findPackerOnPath(needed, cache) {
  const candidate = await identifyCommand('packer', cache);
  if (candidate === null) return { fitting: null, passedOver: null };
  const version = await probeVersion(['env', 'CHECKPOINT_DISABLE=1', candidate.path, 'version']);
  if (versionFits(version, needed.packer))
    return { fitting: { ...candidate, version: version ?? '' }, passedOver: null };
  const range = `${needed.packer.min} or newer, below ${needed.packer.below}`;
  return {
    fitting: null,
    passedOver: `${candidate.path} is ${version ?? 'of an unknown version'}; needed is ${range}`,
  };
}

/**
 * @param {string} project
 * @param {import('./prerequisites.mjs').Prerequisites} needed
 * @param {string | null} identity of the Packer in PATH that is used, or null
 */
async function toolchainKey(project, needed, identity) {
  const folder = join(project, MODULE);
  const pins = await Promise.all(['go.mod', 'go.sum'].map((name) => readFile(join(folder, name), 'utf8')));
  return contentKey([RECIPE, ...pins, JSON.stringify([needed.packer, needed.amazonPlugin]), identity ?? '']);
}

/**
 * @typedef {{ packer: { version: string, origin: string }, plugin: { version: string, origin: string } }} Toolchain
 */

/**
 * The finished toolchain of the present pins, or null when there is work to do.
 *
 * @param {{ project: string, cache: string, needed: import('./prerequisites.mjs').Prerequisites }} place
 * @returns {Promise<Toolchain | null>}
 */
export async function findToolchain({ project, cache, needed }) {
  const link = join(cache, 'toolchain');
  const candidate = await identifyCommand('packer', cache);
  for (const identity of candidate === null ? [null] : [candidate.identity, null]) {
    const stamp = await readStamp(link, await toolchainKey(project, needed, identity));
    if (stamp !== null) return JSON.parse(stamp);
  }
  return null;
}

/**
 * @param {{ project: string, cache: string, needed: import('./prerequisites.mjs').Prerequisites,
 *           python: { path: string, version: string } }} place
 * @param {import('./progress.mjs').Step} step
 */
export async function makeToolchain(place, step) {
  const { project, cache, needed } = place;
  const onPath = await findPackerOnPath(needed, cache);
  if (onPath.passedOver !== null) step.say(`passed over: ${onPath.passedOver}`);
  const key = await toolchainKey(project, needed, onPath.fitting?.identity ?? null);
  await makeStamped(join(cache, 'toolchain'), key, async (folder) => {
    await mkdir(join(folder, 'bin'));
    if (onPath.fitting !== null) await symlink(onPath.fitting.path, join(folder, 'bin', 'packer'));
    const recipes = [...(onPath.fitting === null ? [packerRecipe(folder)] : []), pluginRecipe(folder)];
    const origin = await buildPrograms(place, recipes, step, { what: 'Packer', instead: 'Packer 1.12' });
    await installPlugin(folder, needed, step);
    const version = await probeVersion(['env', 'CHECKPOINT_DISABLE=1', join(folder, 'bin', 'packer'), 'version']);
    if (!versionFits(version, needed.packer)) {
      throw new SetupError('outside', `the Packer that was made says it is ${version}`, {
        where: join(folder, 'bin', 'packer'),
      });
    }
    const packerOrigin = onPath.fitting === null ? origin : `PATH, ${onPath.fitting.path}`;
    return JSON.stringify({
      packer: { version, origin: packerOrigin },
      plugin: { version: needed.amazonPlugin.version, origin },
    });
  });
}

/**
 * @param {string} folder
 * @param {import('./prerequisites.mjs').Prerequisites} needed
 * @param {import('./progress.mjs').Step} step
 */
async function installPlugin(folder, needed, step) {
  step.at('installing the plugin');
  const binary = join(folder, 'packer-plugin-amazon');
  const version = await probeVersion([binary, 'describe']);
  if (version !== needed.amazonPlugin.version) {
    throw new SetupError('outside', `the amazon plugin that was made says it is ${version}`, {
      where: `${binary} describe`,
    });
  }
  const scratch = join(folder, 'scratch');
  await mkdir(scratch);
  await must([join(folder, 'bin', 'packer'), 'plugins', 'install', '--path', binary, PLUGIN_SOURCE], {
    env: {
      CHECKPOINT_DISABLE: '1',
      PACKER_PLUGIN_PATH: join(folder, 'plugins'),
      PACKER_CONFIG_DIR: scratch,
      HOME: scratch,
    },
    failure: 'Packer did not take its amazon plugin',
  });
  await rm(scratch, { recursive: true, force: true });
  await rm(binary);
}
