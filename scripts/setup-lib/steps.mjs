import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { removePackagedGo } from './build-programs.mjs';
import { goOnPath, withGoWork } from './go.mjs';
import { findActionlint, findLintEnvironment, makeActionlint, makeLintEnvironment } from './lint-tools.mjs';
import { installNodeModules, nodeModulesFit } from './node-modules.mjs';
import { installPackages, missingPackages, wantedPackages } from './packages.mjs';
import { cacheFolder, projectFolder } from './paths.mjs';
import { checkPlatform, nodeProblems, readSystem, systemProblems } from './platform.mjs';
import { readPrerequisites } from './prerequisites.mjs';
import { findCommand, findPython } from './probe.mjs';
import { formatSeconds } from './progress.mjs';
import { findEnvironment, makeEnvironment } from './python.mjs';
import { findSessionManagerPlugin, makeSessionManagerPlugin } from './session-manager.mjs';
import { findToolchain, makeToolchain } from './toolchain.mjs';

/**
 * @typedef {{ project: string, cache: string, needed: import('./prerequisites.mjs').Prerequisites }} Place
 *
 * @typedef {(title: string, why: string, work: (step: import('./progress.mjs').Step) => Promise<string | void>) =>
 *   Promise<void>} RunStep `work` returns what to say at the end
 */

/**
 * Everything that has to be on the machine before the command line works, each step only when something is missing.
 *
 * @param {{ progress: ReturnType<typeof import('./progress.mjs').createProgress>, interactive: boolean, signal:
 *   AbortSignal, forLab: boolean, forLint: boolean }} context without the lab, what only the lab needs is not asked for
 */
export async function setUp({ progress, interactive, signal, forLab, forLint }) {
  const began = performance.now();
  const place = { project: projectFolder(), cache: cacheFolder(), needed: readPrerequisites() };
  const { project, cache, needed } = place;
  const lock = join(project, 'lab', 'requirements.lock');
  const venv = join(cache, 'venv');
  let worked = 0;

  /** @type {RunStep} */
  const step = async (title, why, work) => {
    signal.throwIfAborted();
    worked += 1;
    const open = progress.start(title, why);
    try {
      const note = await work(open);
      signal.throwIfAborted();
      open.end('done', note ?? undefined);
    } catch (error) {
      open.end('failed');
      throw error;
    }
  };

  // Asking Python costs as much as all the rest, so a finished environment answers for it. It holds moto, and ffmpeg
  // for machines that have none.
  const environment = await findEnvironment(venv, lock);
  const wantsEnvironment = environment === null && (forLab || (await findCommand('ffmpeg')) === null);
  const python = wantsEnvironment ? await checkPlatform(needed) : { path: '/usr/bin/python3', version: '' };
  if (!wantsEnvironment) await checkPlatformQuickly(needed);

  const wanted = wantedPackages(needed.packages, { forLab, wantsEnvironment });
  const missing = await missingPackages(wanted, python.path);
  if (missing.length > 0) {
    const count = `${missing.length} missing`;
    await step('system packages', count, (open) => installPackages(missing, open, { interactive }));
  }

  const npm = async () => {
    if (await nodeModulesFit(project)) return;
    await step('npm packages', 'package-lock.json is not installed', (open) => installNodeModules(project, open));
  };
  /** @returns {Promise<{ path: string, version: string }>} the Python for what else is made */
  const forMoto = async () => {
    if (wantsEnvironment) {
      const best = (await findPython()) ?? python;
      await step('Python packages', 'lab/requirements.lock is not installed', (open) =>
        makeEnvironment(venv, lock, best, open),
      );
    }
    const made = wantsEnvironment ? await findEnvironment(venv, lock) : environment;
    return made === null ? python : { path: join(venv, 'bin', 'python3'), version: made.python };
  };
  // What is fetched waits for the network while Go compiles.
  const ready = forMoto();
  await allToTheirEnds([
    npm(),
    ready,
    forLint ? lintPackages(place, step) : null,
    programs(place, ready, step, forLint),
  ]);
  await removePackagedGo(cache);
  const spent = formatSeconds(performance.now() - began);
  progress.line(worked === 0 ? `set-up  ok  nothing to do (${spent})` : `set-up  ok  ready (${spent})`);
}

/**
 * What ended well is not done again by the next set-up, so nothing is broken off because of another's failure.
 *
 * @param {readonly (Promise<unknown> | null)[]} works
 * @throws what the first of them failed with, once all have ended
 */
async function allToTheirEnds(works) {
  for (const ended of await Promise.allSettled(works)) if (ended.status === 'rejected') throw ended.reason;
}

/**
 * @param {Place} place
 * @param {RunStep} step
 */
async function lintPackages(place, step) {
  if ((await findLintEnvironment(place)) !== null) return;
  const python = await findPython();
  if (python === null) return;
  await step('lint tools', 'mypy, ruff, shellcheck and zizmor', (open) => makeLintEnvironment(place, python, open));
}

/**
 * The programs that Go builds, one after the other: each takes all processors, and begins with what those before it
 * have compiled.
 *
 * @param {Place} place
 * @param {Promise<{ path: string, version: string }>} ready the Python that fetches Go where there is none
 * @param {RunStep} step
 * @param {boolean} forLint
 */
async function programs(place, ready, step, forLint) {
  const { cache, needed } = place;
  const wanted = {
    toolchain: (await findToolchain(place)) === null,
    session: (await findSessionManagerPlugin(place)) === null,
    actionlint: forLint && (await findActionlint(place)) === null && (await goOnPath(needed)) !== null,
  };
  if (!Object.values(wanted).includes(true)) return;
  const python = (await goOnPath(needed)) === null ? await ready : { path: '', version: '' };
  const tools = { ...place, python };
  await withGoWork(cache, async () => {
    if (wanted.toolchain) {
      const versions = `${needed.packer.version} and ${needed.amazonPlugin.version}`;
      await step('Packer and its amazon plugin', versions, async (open) => {
        await makeToolchain(tools, open);
        const made = await findToolchain(place);
        return made === null
          ? undefined
          : `${made.packer.version} (${made.packer.origin}), plugin ${made.plugin.version}`;
      });
    }
    if (wanted.session) {
      await step('session-manager-plugin', needed.sessionManagerPlugin.version, async (open) => {
        await makeSessionManagerPlugin(tools, open);
        const made = await findSessionManagerPlugin(place);
        return made === null ? undefined : `${made.version} (${made.origin})`;
      });
    }
    if (wanted.actionlint)
      await step('actionlint', 'for make lint', async (open) => void (await makeActionlint(place, open)));
  });
}

/**
 * Without asking other programs: an environment that is there has its Python, and was made with npm at hand.
 *
 * @param {import('./prerequisites.mjs').Prerequisites} needed
 */
async function checkPlatformQuickly(needed) {
  const problems = [...systemProblems(needed, await readSystem()), ...nodeProblems(needed, process.versions.node)];
  if (problems.length > 0) await checkPlatform(needed);
}
